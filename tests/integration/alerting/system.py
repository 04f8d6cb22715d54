"""Alertmanager with the deployed configuration of a stack, and those whom it tells."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import settings
from infra.rules.alertmanager import SECRETS, configuration
from tests.peers.alertmanager import Alertmanager, Labels, Webhook, alertmanager, faster, webhook

STACK = "dev"
ADDRESSES = ["10.0.0.0/24"]
MONITORING: dict[str, Any] = {
    "receivers": [
        {"name": "on-call", "severities": ["critical"], "secret": "on-call", "cidrs": ADDRESSES},
        {"name": "team", "severities": ["critical", "warning"], "secret": "team", "cidrs": ADDRESSES},
    ],
    "deadMansSwitch": {"secret": "switch", "cidrs": ADDRESSES},
}


def alert(name: str, severity: str = "critical", component: str = "archive", environment: str = STACK) -> Labels:
    """The labels that route and inhibit."""
    return {"alertname": name, "severity": severity, "component": component, "environment": environment}


@dataclass(frozen=True)
class Told:
    """Alertmanager, and those whom it tells."""

    alertmanager: Alertmanager
    on_call: Webhook
    team: Webhook
    switch: Webhook


@contextmanager
def running(folder: Path) -> Iterator[Told]:
    """Until left."""
    with ExitStack() as stack:
        hooks = [stack.enter_context(webhook()) for _ in range(3)]
        for name, hook in zip(("on-call", "team", "dead-mans-switch"), hooks, strict=True):
            (folder / "receivers" / name).mkdir(parents=True)
            (folder / "receivers" / name / "url").write_text(hook.url)
        made = configuration(settings.parse({"monitoring": MONITORING}, STACK), STACK)
        here = faster(made).replace(SECRETS, str(folder / "receivers"))
        yield Told(stack.enter_context(alertmanager(here, folder)), *hooks)
