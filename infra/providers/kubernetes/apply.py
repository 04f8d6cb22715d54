"""Writes objects: server-side apply under a field manager of the resource's own, or the client-side way by setting."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.providers.kubernetes.client import ApiError, Client
from infra.providers.kubernetes.discovery import Kind

CLIENT_SIDE_MANAGER = "pulumi-kubernetes"
_OURS = "pulumi-kubernetes-"


@dataclass(frozen=True)
class Place:
    """Where an object is: kind, namespace (None: cluster-scoped) and name."""

    kind: Kind
    namespace: str | None
    name: str

    @property
    def path(self) -> str:
        """The object's path."""
        return self.kind.path(self.namespace, self.name)

    @property
    def id(self) -> str:
        """The resource's id: `NAMESPACE/NAME` or `NAME`."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def words(self) -> str:
        """For messages: `ConfigMap rec/named`."""
        return f"{self.kind.kind} {self.id}"


def get(client: Client, place: Place) -> dict[str, Any] | None:
    """The object, or None. Raises `ApiError`, `UnreachableError`."""
    try:
        return client.call("GET", place.path)
    except ApiError as error:
        if error.code == 404:
            return None
        raise


def apply(
    client: Client, place: Place, obj: Mapping[str, Any], manager: str, *, force: bool = False, dry_run: bool = False
) -> dict[str, Any]:
    """Server-side apply: create, or change what this manager owns. Raises `ApiError`, `UnreachableError`."""
    query = {"fieldManager": manager, "force": "true" if force else "false"}
    if dry_run:
        query["dryRun"] = "All"
    named = {**obj, "metadata": {**obj.get("metadata", {}), "name": place.name}}
    if place.namespace:
        named["metadata"]["namespace"] = place.namespace
    return client.call("PATCH", place.path, query, named, "application/apply-patch+yaml")


def create(client: Client, place: Place, obj: Mapping[str, Any]) -> dict[str, Any]:
    """Create by POST, the client-side way."""
    return client.call("POST", place.kind.path(place.namespace), {"fieldManager": CLIENT_SIDE_MANAGER}, obj)


def merge(
    client: Client, place: Place, old: Mapping[str, Any], new: Mapping[str, Any], *, dry_run: bool = False
) -> dict[str, Any]:
    """Client-side update: what differs between the inputs, as a merge patch (RFC 7386). Lists are replaced whole."""
    query = {"fieldManager": CLIENT_SIDE_MANAGER, **({"dryRun": "All"} if dry_run else {})}
    return client.call("PATCH", place.path, query, merge_patch(old, new), "application/merge-patch+json")


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch that makes `new` of `old`."""
    patch: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if inner := merge_patch(before, value):
                patch[name] = inner
        elif value != before:
            patch[name] = value
    return patch


def give_up(client: Client, place: Place, manager: str) -> None:
    """Let go of every field of this manager: what nobody else owns is removed, the object stays."""
    empty = {"apiVersion": place.kind.api_version, "kind": place.kind.kind}
    apply(client, place, empty, manager)


def is_conflict(error: ApiError) -> bool:
    """Whether other managers own what was to be applied."""
    return error.code == 409 and any(one.get("reason") == "FieldManagerConflict" for one in _causes(error))


def conflict_words(error: ApiError) -> str:
    """Who owns which field, and what can be done."""
    owned = "; ".join(f"{one.get('message', 'conflict')}: {one.get('field', '?')}" for one in _causes(error))
    return (
        f"other field managers own what the program sets ({owned}). Remove it from the program, let the other give it "
        'up, or take it over with the annotation pulumi.com/patchForce: "true"'
    )


def owned_by_pulumi(obj: Mapping[str, Any]) -> bool:
    """Whether an object was applied by a Pulumi program, this plug-in's or the official one's."""
    fields = obj.get("metadata", {}).get("managedFields") or []
    return any(one.get("operation") == "Apply" and one.get("manager", "").startswith(_OURS) for one in fields)


def _causes(error: ApiError) -> list[dict[str, str]]:
    return list(error.details.get("causes") or [])
