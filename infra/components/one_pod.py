"""An app of one pod: its Deployment, and the Service of its port `http`."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components.component import Component, Environment
from infra.components.pods import selector


def deployment(
    parent: Component,
    environment: Environment,
    app: str,
    template: Mapping[str, Any],
    depends_on: Sequence[pulumi.Resource],
    aliases: Sequence[pulumi.Alias] = (),
) -> kubernetes.apps.v1.Deployment:
    """One pod of the template. A new one is ready before the old one goes, as is Kubernetes' default.

    `aliases`: where it was in earlier states of stacks.
    """
    return kubernetes.apps.v1.Deployment(
        app,
        metadata=environment.metadata(app, app),
        spec={"replicas": 1, "selector": selector(app), "template": template},
        opts=parent.child(depends_on=depends_on, aliases=list(aliases)),
    )


def http_service(
    parent: Component, environment: Environment, app: str, port: int, node_port: int | None = None
) -> kubernetes.core.v1.Service:
    """The Service under the app's name; `node_port` is where the nodes have it too, if they are to."""
    published = {} if node_port is None else {"nodePort": node_port}
    return kubernetes.core.v1.Service(
        app,
        metadata=environment.metadata(app, app),
        spec={
            "type": "NodePort" if published else "ClusterIP",
            "selector": selector(app)["matchLabels"],
            "ports": [{"name": "http", "port": port, **published}],
        },
        opts=parent.child(),
    )
