"""What a Secret holds never leaves the plug-in unmarked: not in inputs, state, messages or errors."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any

from infra.providers.base.values import Properties, Secret, Unknown, known, plain

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
HIDDEN = "[secret]"
SHORTEST_HIDDEN = 4  # shorter values would make holes everywhere in a message, and tell what they are by that


def is_secret(inputs: Mapping[str, Any]) -> bool:
    """Whether this is a core Secret."""
    return inputs.get("kind") == "Secret" and inputs.get("apiVersion") == "v1"


def folded(inputs: Properties) -> Properties:
    """A Secret's inputs with `stringData` folded into `data` (base64), and the whole marked; others as they are.

    The server does the same to `stringData` and never shows it again, so that only the folded form can be compared.
    """
    if not is_secret(inputs) or isinstance(plain(inputs.get("data")), Unknown):
        return inputs
    strings, data = plain(inputs.get("stringData")), plain(inputs.get("data"))
    if isinstance(strings, Mapping) and known(strings):
        encoded = {name: base64.b64encode(str(value).encode()).decode() for name, value in strings.items()}
        inputs = {name: value for name, value in inputs.items() if name != "stringData"}
        data = {**(data or {}), **encoded}
    elif strings is not None:
        inputs = {**inputs, "stringData": Secret(strings)}
    return {**inputs, "data": Secret(data)} if data is not None else inputs


def marked(obj: Properties) -> Properties:
    """A Secret as the state keeps it: `data` marked, kubectl's copy of it in an annotation too; others as they are."""
    if not is_secret(obj):
        return obj
    hidden: Properties = {
        name: Secret(plain(obj[name])) for name in ("data", "stringData") if obj.get(name) is not None
    }
    metadata = obj.get("metadata") or {}
    annotations = metadata.get("annotations") or {}
    if LAST_APPLIED in annotations:
        covered = {**annotations, LAST_APPLIED: Secret(plain(annotations[LAST_APPLIED]))}
        hidden["metadata"] = {**metadata, "annotations": covered}
    return {**obj, **hidden}


def marked_like(value: Any, inputs: Any) -> Any:
    """The value with those parts marked that are secret in the inputs: an environment variable's value, for example."""
    if isinstance(inputs, Secret):
        return Secret(plain(value))
    if isinstance(value, Mapping) and isinstance(inputs, Mapping):
        return {name: marked_like(item, inputs.get(name)) for name, item in value.items()}
    if isinstance(value, list) and isinstance(inputs, list):
        return [marked_like(item, inputs[place]) if place < len(inputs) else item for place, item in enumerate(value)]
    return value


def scrubbed(message: str, inputs: Properties) -> str:
    """A message about an object without what is secret in its inputs, encoded or not."""
    values = set(_texts(marked(inputs), secret=False))
    values |= {_decoded(value) for value in values}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= SHORTEST_HIDDEN:
            message = message.replace(value, HIDDEN)
    return message


def _texts(value: Any, *, secret: bool) -> Iterator[str]:
    if isinstance(value, Secret):
        yield from _texts(value.value, secret=True)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item, secret=secret)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, secret=secret)
    elif secret and isinstance(value, str):
        yield value


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return value
