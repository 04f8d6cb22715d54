"""Resource types of the Pulumi package and what they mean in Kubernetes: `kubernetes:apps/v1:Deployment`."""

from dataclasses import dataclass

REFUSED = {
    "helm.sh": "Helm",
    "kustomize": "Kustomize",
    "yaml": "YAML files (ConfigFile, ConfigGroup)",
    "helm": "Helm",
}


@dataclass(frozen=True)
class Token:
    """A resource type taken apart."""

    api_version: str
    kind: str
    patch: bool
    """Whether it changes fields of an object that somebody else made (`ConfigMapPatch`)."""


def parse(token: str, kind: str | None = None) -> Token:
    """The API version and kind that a type stands for; a group is spelled out, `core` has none.

    Args:
        token: the resource's type.
        kind: the kind in the inputs, where there are any: it tells a patch of a Thing from a kind named ThingPatch.
    """
    _, module, name = token.split(":")
    group, _, version = module.rpartition("/")
    api_version = version if group in ("core", "") else f"{group}/{version}"
    patched = name.removesuffix("Patch")
    of_kubernetes = "." not in group or group.endswith(".k8s.io")
    patch = patched != name and (kind == patched if kind else of_kubernetes)
    return Token(api_version, patched if patch else name, patch)


def refusal(token: str) -> str | None:
    """Why a type is not served, or None. Tokens of functions (`kubernetes:yaml:decode`) count too."""
    module = token.split(":")[1]
    for prefix, what in REFUSED.items():
        if module == prefix or module.startswith(f"{prefix}/"):
            return (
                f"{token}: {what} can't be used with this stand-in for the official Kubernetes plug-in. "
                "Write the objects in the program, or install pulumi-resource-kubernetes"
            )
    if parse(token).kind.endswith("List"):
        return f"{token}: a list is no object. Write its items as resources of their own"
    return None


def split_id(identifier: str) -> tuple[str | None, str]:
    """Namespace (None: cluster-scoped) and name of an id `NAMESPACE/NAME` or `NAME`."""
    namespace, _, name = identifier.rpartition("/")
    return namespace or None, name
