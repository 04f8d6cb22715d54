"""The plug-in asked directly, without the engine: for what an engine would take minutes to bring about."""

import threading
from typing import Any

from infra.providers.base.engine import Call, Engine
from infra.providers.base.provider import (
    Checked,
    CheckRequest,
    ConfigureRequest,
    Created,
    CreateRequest,
    DeleteRequest,
    Found,
    ReadRequest,
    UpdateRequest,
)
from infra.providers.base.values import Properties
from infra.providers.kubernetes.provider import KubernetesProvider
from tests.peers.kubernetes_api import KubernetesApi


class Ear(Engine):
    """Hears what the plug-in says."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def log(self, severity: Any, urn: str, message: str, *, ephemeral: bool) -> None:
        """Keep it."""
        self.heard.append(message)


class Plugin:
    """One configured plug-in; what it says is in `heard`."""

    def __init__(self, api: KubernetesApi | None, **settings: Any) -> None:
        self.provider = KubernetesProvider()
        self.ear = Ear()
        self.cancelled = threading.Event()
        self.call = Call(self.ear, "urn", self.cancelled)
        kubeconfig = {"kubeconfig": str(api.kubeconfig)} if api else {}
        self.provider.configure(ConfigureRequest("urn", "type", "name", {**kubeconfig, **settings}), self.call)

    @property
    def heard(self) -> list[str]:
        return self.ear.heard

    def check(self, token: str, inputs: Properties, olds: Properties | None = None) -> Checked:
        return self.provider.check(CheckRequest("urn", token, "name", olds or {}, inputs, b"seed"), self.call)

    def create(
        self, inputs: Properties, *, token: str = "", timeout: float | None = None, preview: bool = False
    ) -> Created:
        request = CreateRequest("urn", token or token_of(inputs), "name", inputs, timeout, preview)
        return self.provider.create(request, self.call)

    def update(
        self, created: Created, old: Properties, new: Properties, *, timeout: float | None = None, preview: bool = False
    ) -> Properties:
        request = UpdateRequest(
            "urn", token_of(new), "name", created.id, created.properties, old, new, timeout, preview
        )
        return self.provider.update(request, self.call)

    def read(
        self, token: str, identifier: str, state: Properties, inputs: Properties, *, importing: bool = False
    ) -> Found | None:
        request = ReadRequest("urn", token, "name", identifier, state, inputs, importing=importing)
        return self.provider.read(request, self.call)

    def delete(
        self, identifier: str, inputs: Properties, state: Properties | None = None, *, timeout: float | None = None
    ) -> None:
        request = DeleteRequest("urn", token_of(inputs), "name", identifier, state or {}, inputs, timeout)
        self.provider.delete(request, self.call)


def token_of(inputs: Properties) -> str:
    version = inputs["apiVersion"]
    return f"kubernetes:{version if '/' in version else f'core/{version}'}:{inputs['kind']}"


def config_map(namespace: str, name: str, data: dict[str, str], **metadata: Any) -> Properties:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "data": data,
    }


def workload(namespace: str, kind: str, image: str, name: str = "it", **spec: Any) -> Properties:
    """A Deployment, StatefulSet, DaemonSet, Job or Pod of one container; the image is what becomes of it."""
    labels = {"app": name}
    pod: dict[str, Any] = {"containers": [{"name": "c", "image": f"{image}:1"}]}
    metadata = {"name": name, "namespace": namespace}
    if kind == "Pod":
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": {**pod, **spec}}
    template = {"metadata": {"labels": labels}, "spec": pod}
    if kind == "Job":
        pod["restartPolicy"] = "Never"
        return {"apiVersion": "batch/v1", "kind": kind, "metadata": metadata, "spec": {"template": template, **spec}}
    whole = {"selector": {"matchLabels": labels}, "template": template, **spec}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": whole}
