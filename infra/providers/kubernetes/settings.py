"""The provider's own settings: what a program or a stack's configuration says about `kubernetes:`."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.providers.base.values import Unknown, plain

# The official plug-in reads these where the program says nothing.
_ENVIRONMENT = {
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
}
REFUSED = {"renderYamlToDirectory": "writing manifests to a folder is not done by this stand-in"}


@dataclass(frozen=True)
class Settings:
    """The settings with their defaults."""

    kubeconfig: str | None = None
    """Text or file; None: what KUBECONFIG names."""
    kubeconfig_unknown: bool = False
    """The cluster is made by the same program and does not exist yet."""
    context: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    server_side_apply: bool = True
    mutable: frozenset[str] = frozenset()
    """Kinds whose data may change in place: ConfigMap, Secret."""
    delete_unreachable: bool = False
    """Treat everything as deleted where the cluster does not answer."""
    skip_update_unreachable: bool = False


def parse(given: Mapping[str, Any]) -> Settings:
    """The settings as the engine hands them over: booleans come as strings."""
    values = plain(given)

    def text(name: str) -> str | None:
        value = values.get(name)
        return str(value) if value and not isinstance(value, Unknown) else None

    def flag(name: str, default: bool) -> bool:
        value = values.get(name)
        if value is None or isinstance(value, Unknown):
            value = os.environ.get(_ENVIRONMENT[name], "")
        return str(value).lower() == "true" if str(value) else default

    mutable = {"ConfigMap": flag("enableConfigMapMutable", False), "Secret": flag("enableSecretMutable", False)}
    return Settings(
        kubeconfig=text("kubeconfig"),
        kubeconfig_unknown=isinstance(values.get("kubeconfig"), Unknown),
        context=text("context"),
        cluster=text("cluster"),
        namespace=text("namespace"),
        server_side_apply=flag("enableServerSideApply", True),
        mutable=frozenset(kind for kind, allowed in mutable.items() if allowed),
        delete_unreachable=flag("deleteUnreachable", False),
        skip_update_unreachable=flag("skipUpdateUnreachable", False),
    )
