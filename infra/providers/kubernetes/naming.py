"""Names that a program leaves open, as the official plug-in gives them: the resource's name, `-`, 8 hex digits."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from infra.providers.base.provider import Autonaming
from infra.providers.base.values import Properties, Secret, Unknown
from infra.providers.kubernetes.annotations import AUTONAMED

DIGITS = 8


class NameMissingError(Exception):
    """The stack forbids generated names, and the program gives none."""


def with_name(
    news: Properties, olds: Mapping[str, Any], resource: str, seed: bytes, autonaming: Autonaming | None
) -> Properties:
    """The inputs with a name: the program's, the old one where that was generated, or a new one.

    A generated name is marked by the annotation `pulumi.com/autonamed`: a replacement may then be made before its
    predecessor is deleted. The same seed gives the same name, so that a preview and its update agree where the engine
    gives both the same one.

    Raises:
        NameMissingError: the stack's autonaming is off.
    """
    metadata = _mapping(news.get("metadata"))
    if isinstance(metadata, Unknown) or metadata.get("name") or metadata.get("generateName"):
        return news
    old = _mapping(olds.get("metadata"))
    if not isinstance(old, Unknown) and old.get("name") and is_autonamed(olds):
        return _named(news, metadata, old["name"])
    if autonaming and autonaming.mode == "DISABLE":
        raise NameMissingError("the stack's autonaming is off: give it a name")
    if autonaming and autonaming.proposed_name:
        return _named(news, metadata, autonaming.proposed_name)
    suffix = hashlib.sha256(seed).hexdigest()[:DIGITS] if seed else secrets.token_hex(DIGITS // 2)
    return _named(news, metadata, f"{resource}-{suffix}")


def is_autonamed(inputs: Mapping[str, Any]) -> bool:
    """Whether the object's name was generated."""
    metadata = _mapping(inputs.get("metadata"))
    annotations = {} if isinstance(metadata, Unknown) else _mapping(metadata.get("annotations"))
    return not isinstance(annotations, Unknown) and annotations.get(AUTONAMED) == "true"


def new_field_manager() -> str:
    """A field manager of one resource's own: two resources that patch one object don't take each other's fields."""
    return f"pulumi-kubernetes-{secrets.token_hex(4)}"


def completed(prefix: str) -> str:
    """A name for `generateName`: server-side apply needs one, so that the server can't make it."""
    return f"{prefix}{''.join(secrets.choice('bcdfghjklmnpqrstvwxz2456789') for _ in range(5))}"


def aside(name: str) -> str:
    """Another name of the same form, for a dry run beside the object that has the name still."""
    return f"{name[:50]}-{secrets.token_hex(DIGITS // 2)}"


def _named(news: Properties, metadata: Mapping[str, Any], name: str) -> Properties:
    named = {**metadata, "name": name}
    annotations = _mapping(metadata.get("annotations"))
    if not isinstance(annotations, Unknown):
        named["annotations"] = {**annotations, AUTONAMED: "true"}
    return {**news, "metadata": named}


def _mapping(value: Any) -> Any:
    """A map, `Unknown`, or an empty map for what is absent; a secret one is opened."""
    while isinstance(value, Secret):
        value = value.value
    return value if isinstance(value, Mapping | Unknown) else {}
