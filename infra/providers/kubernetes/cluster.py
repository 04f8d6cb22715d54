"""The cluster that the provider's settings name: reached when it is first needed, so that a preview needs none."""

import threading
from collections.abc import Mapping
from typing import Any

from infra.providers.kubernetes.apply import Place
from infra.providers.kubernetes.client import Client, UnreachableError
from infra.providers.kubernetes.discovery import Kind, Kinds, UnknownKindError
from infra.providers.kubernetes.kubeconfig import Access, KubeconfigError, load
from infra.providers.kubernetes.settings import Settings

# Where the cluster can't be asked: the kinds without a namespace that programs write.
_CLUSTER_SCOPED = frozenset(
    {
        *("APIService", "CSIDriver", "CertificateSigningRequest", "ClusterRole", "ClusterRoleBinding"),
        *("CustomResourceDefinition", "IngressClass", "MutatingWebhookConfiguration", "Namespace", "Node"),
        *("PersistentVolume", "PriorityClass", "RuntimeClass", "StorageClass", "ValidatingAdmissionPolicy"),
        *("ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration", "VolumeAttachment"),
    }
)


class Cluster:
    """One cluster: its client, its kinds, and the namespace of objects that name none."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._reached: tuple[Client, Kinds] | None = None

    @property
    def client(self) -> Client:
        """Raises `UnreachableError` where no cluster is configured."""
        return self._reach()[0]

    @property
    def kinds(self) -> Kinds:
        """Raises `UnreachableError` where no cluster is configured."""
        return self._reach()[1]

    def place(self, api_version: str, kind: str, namespace: str | None, name: str) -> Place:
        """Where an object is or will be. Raises `UnknownKindError`, `UnreachableError`, `ApiError`."""
        return self._place(self.kinds.get(api_version, kind), namespace, name)

    def place_of_existing(self, api_version: str, kind: str, namespace: str | None, name: str) -> Place:
        """Where an object is that may be served in another version by now; raises as `place`."""
        return self._place(self.kinds.anywhere(api_version, kind), namespace, name)

    def _place(self, kind: Kind, namespace: str | None, name: str) -> Place:
        if not kind.namespaced:
            return Place(kind, None, name)
        return Place(kind, namespace or self._settings.namespace or self.client.access.namespace or "default", name)

    def with_namespace(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The inputs with the namespace that the provider's settings give to those that have none."""
        metadata = inputs.get("metadata") or {}
        namespace = self._settings.namespace
        if not namespace or not isinstance(metadata, Mapping) or metadata.get("namespace"):
            return inputs
        if not self._namespaced(str(inputs.get("apiVersion")), str(inputs.get("kind"))):
            return inputs
        return {**inputs, "metadata": {**metadata, "namespace": namespace}}

    def _namespaced(self, api_version: str, kind: str) -> bool:
        try:
            return self.kinds.get(api_version, kind).namespaced
        except (UnknownKindError, UnreachableError):
            return kind not in _CLUSTER_SCOPED

    def _reach(self) -> tuple[Client, Kinds]:
        with self._lock:
            if self._reached is None:
                if self._settings.kubeconfig_unknown:
                    raise UnreachableError("the cluster's kubeconfig is not known yet")
                client = Client(self._access(), self._access)
                self._reached = client, Kinds(client)
            return self._reached

    def _access(self) -> Access:
        try:
            return load(self._settings.kubeconfig, self._settings.context, self._settings.cluster)
        except KubeconfigError as error:
            raise UnreachableError(str(error)) from None
