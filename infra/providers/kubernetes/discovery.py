"""Which kinds a cluster knows: where they are served, and whether they live in a namespace."""

import threading
from dataclasses import dataclass
from typing import Any

from infra.providers.kubernetes.client import ApiError, Client


class UnknownKindError(Exception):
    """The cluster does not know this kind (yet): its CustomResourceDefinition may be missing."""


@dataclass(frozen=True)
class Kind:
    """A kind as the API server serves it."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str | None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of the collection, of an object in it, or of the object's subresource."""
        place = f"namespaces/{namespace}/" if self.namespaced and namespace else ""
        parts = [part for part in (name, subresource) if part]
        return "/".join([f"{_root(self.api_version)}/{place}{self.plural}", *parts])


class Kinds:
    """The kinds of one cluster, asked once per API version and again where one is missing. Safe in many threads."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._known: dict[str, dict[str, Kind]] = {}

    def get(self, api_version: str, kind: str) -> Kind:
        """The kind. Raises `UnknownKindError`, `UnreachableError`, `ApiError`."""
        with self._lock:
            if kind not in self._known.get(api_version, {}):
                self._known[api_version] = self._ask(api_version)
            try:
                return self._known[api_version][kind]
            except KeyError:
                raise UnknownKindError(
                    f"the cluster knows no kind {kind} in {api_version}: is its CustomResourceDefinition there?"
                ) from None

    def anywhere(self, api_version: str, kind: str) -> Kind:
        """The kind, in another version of its group where this one is no longer served: the objects are the same."""
        try:
            return self.get(api_version, kind)
        except UnknownKindError:
            for other in self._versions(api_version.rpartition("/")[0]):
                if kind in self._ask(other):
                    return self.get(other, kind)
            raise

    def _versions(self, group: str) -> list[str]:
        try:
            answer = self._client.call("GET", f"/apis/{group}") if group else {}
        except ApiError as error:
            if error.code == 404:
                return []
            raise
        return [str(one["groupVersion"]) for one in answer.get("versions", [])]

    def _ask(self, api_version: str) -> dict[str, Kind]:
        try:
            answer = self._client.call("GET", _root(api_version))
        except ApiError as error:
            if error.code == 404:
                return {}
            raise
        resources: list[dict[str, Any]] = answer.get("resources", [])
        return {
            one["kind"]: Kind(api_version, one["kind"], one["name"], one["namespaced"])
            for one in resources
            if "/" not in one["name"]
        }


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
