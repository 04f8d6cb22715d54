"""The base of every component: its place in the resource tree, and what it is deployed into."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from infra.settings import Settings

APP = "app.kubernetes.io/name"
NOT_AWAITED = {"annotations": {"pulumi.com/skipAwait": "true"}}
"""In the metadata of what Pulumi is not to wait for."""


def labelled(app: str) -> dict[str, str]:
    """The labels of everything that belongs to an app."""
    return {APP: app, "app.kubernetes.io/part-of": "vnaops"}


@dataclass(frozen=True)
class Environment:
    """What all components of a stack share."""

    settings: Settings
    images: Mapping[str, str]
    namespace: pulumi.Output[str]  # known once the namespace exists, so that whatever uses it waits for it

    def metadata(self, name: str | None = None, app: str | None = None) -> dict[str, object]:
        """Metadata in the environment's namespace; without a name, Pulumi makes one (and can replace without a gap)."""
        labels = {"labels": labelled(app)} if app else {}
        return {"namespace": self.namespace, **({"name": name} if name else {}), **labels}


class Component(pulumi.ComponentResource):
    """A group of resources under one name; `child` gives the options of a resource that belongs to it."""

    def __init__(self, kind: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"vnaops:component:{kind}", name, None, opts)

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Options of a resource below this component."""
        return pulumi.ResourceOptions(parent=self, **options)
