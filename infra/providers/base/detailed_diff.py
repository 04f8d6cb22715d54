"""What differs between two property values, part by part, in the paths that Pulumi shows: `spec.ports[0].port`."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from infra.providers.base.values import Secret, Unknown

_SIMPLE = re.compile(r"[A-Za-z0-9_]+")

Path = tuple[str | int, ...]


class Change(Enum):
    """What happened to a part."""

    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


def differences(old: Any, new: Any, path: Path = ()) -> dict[Path, Change]:
    """The parts that differ, in the order of the old value.

    A map or list that appears or vanishes whole is one part. Lists are compared place by place. Whether a value is
    marked secret makes no difference; an unknown value differs from everything, another unknown one included. `None` is
    absence.
    """
    old, new = _bare(old), _bare(new)
    if isinstance(old, Unknown) or isinstance(new, Unknown):
        return {path: _kind(old, new)}
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        found: dict[Path, Change] = {}
        for name in [*old, *(name for name in new if name not in old)]:
            found |= differences(old.get(name), new.get(name), (*path, name))
        return found
    if isinstance(old, list) and isinstance(new, list):
        found = {}
        for place in range(max(len(old), len(new))):
            before = old[place] if place < len(old) else None
            after = new[place] if place < len(new) else None
            found |= differences(before, after, (*path, place))
        return found
    if type(old) is not type(new) and not (_number(old) and _number(new)):
        return {path: _kind(old, new)}
    return {} if old == new else {path: _kind(old, new)}


def path_text(path: Path) -> str:
    """The path as Pulumi writes it; names that need it are quoted: `metadata.labels["app.kubernetes.io/name"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _SIMPLE.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += '["' + part.replace('"', '\\"') + '"]'
    return text


def _bare(value: Any) -> Any:
    while isinstance(value, Secret):
        value = value.value
    return value


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _kind(old: Any, new: Any) -> Change:
    if old is None:
        return Change.ADD
    return Change.DELETE if new is None else Change.UPDATE
