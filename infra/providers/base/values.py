"""Property values: plain Python, with `Secret` and `Unknown` where the protocol has a signature for them.

On the wire a property is a `google.protobuf.Value`. Reserved maps and strings mark what is secret, and what is not
known before another resource exists (SDK: `pulumi.runtime.rpc`). Numbers are doubles there: whole ones become `int`.
Assets, archives and resource references stay the maps that they are.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from google.protobuf import struct_pb2

Properties = dict[str, Any]

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  (the protocol's mark of a secret)
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_UNKNOWN = {
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7": "boolean",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421": "number",
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9": "string",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2": "array",
    "030794c1-ac77-496b-92df-f27374a8bd58": "asset",
    "e48ece36-62e2-4504-bad9-02848725956a": "archive",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff": "object",
}
_UNKNOWN_MARK = {kind: mark for mark, kind in _UNKNOWN.items()}


@dataclass(frozen=True)
class Secret:
    """A value that the engine encrypts in the state and hides from the user. It does not show itself either."""

    value: Any = field(repr=False)


@dataclass(frozen=True)
class Unknown:
    """A value that is known only once what it depends on exists; seen in previews only."""

    kind: str = "string"


def decode(message: struct_pb2.Struct) -> Properties:
    """Properties from the wire. An output value becomes its value, `Secret` or `Unknown`, without its dependencies."""
    return {name: _decode(message.fields[name]) for name in sorted(message.fields)}  # a protobuf map has no order


def encode(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties for the wire. Raises `TypeError` for what has no form there."""
    return struct_pb2.Struct(fields={name: _encode(value) for name, value in properties.items()})


def plain(value: Any) -> Any:
    """The value without marks of secrecy; `Unknown` stays."""
    return map_leaves(value, lambda leaf: plain(leaf.value) if isinstance(leaf, Secret) else leaf)


def known(value: Any) -> bool:
    """Whether nothing in it is `Unknown`."""
    return not any(isinstance(leaf, Unknown) for leaf in _leaves(value))


def has_secret(value: Any) -> bool:
    """Whether something in it, or all of it, is a `Secret`."""
    return any(isinstance(leaf, Secret) for leaf in _leaves(value, into_secrets=False))


def map_leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """A copy with everything that is neither map nor list changed; a `Secret` counts as one leaf."""
    if isinstance(value, Mapping):
        return {name: map_leaves(item, change) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [map_leaves(item, change) for item in value]
    return change(value)


def _leaves(value: Any, *, into_secrets: bool = True) -> Iterator[Any]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item, into_secrets=into_secrets)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item, into_secrets=into_secrets)
    elif isinstance(value, Secret) and into_secrets:
        yield from _leaves(value.value)
    else:
        yield value


def _decode(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "struct_value":
            return _decode_map(value.struct_value)
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "string_value":
            text = value.string_value
            return Unknown(_UNKNOWN[text]) if text in _UNKNOWN else text
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
    return None


def _decode_map(message: struct_pb2.Struct) -> Any:
    properties = decode(message)
    match properties.get(_SIGNATURE):
        case mark if mark == _SECRET:
            return Secret(properties.get("value"))
        case mark if mark == _OUTPUT:
            value = properties.get("value", Unknown())
            return Secret(value) if properties.get("secret") else value
    return properties


def _encode(value: Any) -> struct_pb2.Value:
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case Secret():
            return struct_pb2.Value(struct_value=encode({_SIGNATURE: _SECRET, "value": value.value}))
        case Unknown():
            return struct_pb2.Value(string_value=_UNKNOWN_MARK[value.kind])
        case list() | tuple():
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[_encode(item) for item in value]))
    if isinstance(value, Mapping):
        return struct_pb2.Value(struct_value=encode(value))
    raise TypeError(f"a {type(value).__name__} is no property value")
