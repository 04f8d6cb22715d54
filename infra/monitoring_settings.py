"""The settings of the monitoring: Prometheus, Alertmanager, who is told."""

from typing import Literal, Self

from pydantic import Field, model_validator

from infra.cluster_settings import ClusterMonitoring
from infra.setting_types import Cidr, Name, NodePort, Quantity, Section


class Receiver(Section):
    """Who is told of alerts, by a webhook whose address is in a Secret of the namespace (key `url`)."""

    name: Name
    severities: tuple[Literal["critical", "warning", "info"], ...] = Field(default=("critical",), min_length=1)
    secret: Name = Field(description="Secret whose key `url` is the webhook's address")
    cidrs: tuple[Cidr, ...] = Field(min_length=1, description="addresses of the webhook, for the network policies")
    port: int = Field(default=443, ge=1, le=65535)


class DeadMansSwitch(Section):
    """What is outside the cluster and raises an alarm when the Watchdog's webhook stays away."""

    secret: Name = Field(description="Secret whose key `url` is the webhook's address")
    cidrs: tuple[Cidr, ...] = Field(min_length=1, description="its addresses, for the network policies")
    port: int = Field(default=443, ge=1, le=65535)


class MonitoringSettings(Section):
    """Prometheus, the exporters, Alertmanager."""

    scrape_seconds: int = Field(default=15, ge=5, le=300)
    retention: str = Field(default="31d", pattern=r"^[1-9][0-9]*[dh]$")
    size: Quantity = Field(default="10Gi", description="Prometheus' volume; the oldest series go where it is full")
    node_port: NodePort | None = Field(default=30090, description="Prometheus' page on the nodes; null: not published")
    alertmanager_node_port: NodePort | None = Field(
        default=30093, description="Alertmanager's page on the nodes; null: not published"
    )
    page_node_port: NodePort | None = Field(
        default=30080, description="the page with the environment's views on the nodes; null: not published"
    )
    runbook_url: str = Field(default="runbooks", description="where runbooks/ is read, as alerts link to it")
    receivers: tuple[Receiver, ...] = ()
    dead_mans_switch: DeadMansSwitch | None = None
    cluster: ClusterMonitoring | None = Field(
        default=None, description="watch the cluster too; none: it is another's, or another environment does"
    )

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [one.name for one in self.receivers]
        if len({*names, "page-only", "dead-mans-switch"}) != len(names) + 2:
            raise ValueError("receivers must have names that differ, and none of page-only and dead-mans-switch")
        return self

    @property
    def retention_hours(self) -> int:
        """How long series are kept."""
        return int(self.retention[:-1]) * (24 if self.retention.endswith("d") else 1)
