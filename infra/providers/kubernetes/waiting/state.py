"""What the files of this folder have in common: the signature of a condition, and how conditions are read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.providers.kubernetes.client import Client

Object = Mapping[str, Any]


@dataclass(frozen=True)
class State:
    """How far an object is."""

    ready: bool
    progress: str
    """One line for the user: what is waited for, or that it is done."""
    failed: bool = False
    """It will not become ready by waiting."""
    reasons: Sequence[str] = field(default=())
    """What is wrong as far as the object itself says it."""


Condition = Callable[[Client, Object], State]
"""Looks at an object, and in the cluster at what belongs to it. Raises `ApiError`, `UnreachableError`."""


def condition(obj: Object, kind: str) -> Object:
    """The status condition of this type; empty where there is none."""
    found = (one for one in (obj.get("status") or {}).get("conditions") or [] if one.get("type") == kind)
    return next(found, {})


def said(one: Object) -> str:
    """A condition's words: `[Reason] message`."""
    return f"[{one.get('reason', '?')}] {one.get('message', '')}".strip()


def observed(obj: Object) -> bool:
    """Whether the controller has seen the latest specification: before, the status is about the one before."""
    generation = obj.get("metadata", {}).get("generation", 0)
    return int((obj.get("status") or {}).get("observedGeneration", 0)) >= int(generation)
