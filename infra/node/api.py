"""A small client of the API server for the node's own agents: no more than the standard library."""

import http.client
import json
import ssl
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

Object = dict[str, Any]
MANAGER = "vnaops-node"
_LIST_SECONDS = 20.0
_WATCH_SECONDS = 240
_AGAIN_SECONDS = 1.0

PLURALS: Mapping[str, str] = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "ConfigMap": "configmaps",
    "Deployment": "deployments",
    "NetworkPolicy": "networkpolicies",
    "PersistentVolume": "persistentvolumes",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "StorageClass": "storageclasses",
}
"""The kinds that the node itself applies."""


def path_of(item: Object) -> str:
    """The path of an object on the API server."""
    version, metadata = item["apiVersion"], item["metadata"]
    group = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{group}{namespace}/{PLURALS[item['kind']]}/{metadata['name']}"


class ApiError(OSError):
    """The API server refused."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{code} {message}")
        self.code = code


class Api:
    """One API server, by a kubeconfig that `infra.node.pki` wrote (JSON)."""

    def __init__(self, kubeconfig: Path) -> None:
        configuration = json.loads(kubeconfig.read_text())
        cluster, user = configuration["clusters"][0]["cluster"], configuration["users"][0]["user"]
        self._server: str = cluster["server"]
        context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        context.load_cert_chain(user["client-certificate"], user["client-key"])
        # an empty ProxyHandler: the cluster is on this machine, whatever proxy the environment names
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )

    def _open(self, method: str, path: str, body: Object | None, content: str, seconds: float) -> Any:
        request = urllib.request.Request(  # noqa: S310 (the kubeconfig's own https address)
            self._server + path,
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": content, "Accept": "application/json"},
            method=method,
        )
        try:
            return self._opener.open(request, timeout=seconds)
        except urllib.error.HTTPError as error:
            with error:
                text = error.read(4096).decode(errors="replace")
            try:
                text = json.loads(text)["message"]
            except (ValueError, KeyError, TypeError):
                text = text.strip()
            raise ApiError(error.code, text) from error

    def call(self, method: str, path: str, body: Object | None = None, content: str = "application/json") -> Any:
        """One request; the answer as JSON. Raises ApiError if the server refuses, OSError if it can't be reached."""
        with self._open(method, path, body, content, _LIST_SECONDS) as response:
            return json.load(response)

    def ready(self) -> bool:
        """Whether the API server says it is ready."""
        try:
            with self._open("GET", "/readyz", None, "application/json", 5) as response:
                return bool(response.read() == b"ok")
        except OSError:
            return False

    def apply(self, item: Object) -> None:
        """Server-side apply; what somebody else manages is taken over."""
        self.call("PATCH", f"{path_of(item)}?fieldManager={MANAGER}&force=true", item, "application/apply-patch+yaml")

    def _events(self, path: str, version: str) -> Iterator[tuple[str, Object]]:
        query = urllib.parse.urlencode(
            {"watch": "1", "allowWatchBookmarks": "true", "timeoutSeconds": _WATCH_SECONDS, "resourceVersion": version}
        )
        with self._open("GET", f"{path}?{query}", None, "application/json", _WATCH_SECONDS + 30) as response:
            for line in response:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError(event["object"].get("code", 0), event["object"].get("message", "watch ended"))
                yield event["type"], event["object"]

    def follow(
        self, path: str, listed: Callable[[list[Object]], None], changed: Callable[[Object, bool], None]
    ) -> None:
        """Lists, then watches, for ever and in a thread of its own.

        `listed` gets everything (again after a break), `changed` one object
        and whether it is gone."""

        def once() -> None:
            everything = self.call("GET", path)
            listed(everything["items"])
            version = everything["metadata"]["resourceVersion"]
            while True:
                for kind, item in self._events(path, version):
                    version = item["metadata"]["resourceVersion"]
                    if kind != "BOOKMARK":
                        changed(item, kind == "DELETED")

        def for_ever() -> None:
            while True:
                try:
                    once()
                except (OSError, ValueError, http.client.HTTPException) as error:
                    print(f"watch {path}: {error}", flush=True)
                    time.sleep(_AGAIN_SECONDS)

        threading.Thread(target=for_ever, daemon=True, name=f"watch {path}").start()
