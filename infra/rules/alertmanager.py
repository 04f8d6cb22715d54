"""Alertmanager's configuration: who is told of what, and what keeps quiet while something greater is wrong."""

from typing import Any

import yaml

from infra.settings import Settings

SECRETS = "/run/secrets/receivers"  # a file per receiver, from Secrets of the namespace


def configuration(settings: Settings, stack: str) -> str:
    """alertmanager.yaml. Without receivers, alerts are shown at Alertmanager's page and sent nowhere."""
    monitoring = settings.monitoring
    routes: list[dict[str, Any]] = []
    receivers: list[dict[str, Any]] = [{"name": "page-only"}]
    if monitoring.dead_mans_switch is not None:
        routes.append(
            {
                "receiver": "dead-mans-switch",
                "matchers": ['alertname="Watchdog"'],
                "group_wait": "0s",
                # looked at every 30 s and due after 50: it comes once a minute. With 1m and 1m each look comes a moment
                # too early, and it comes every two minutes.
                "group_interval": "30s",
                "repeat_interval": "50s",
            }
        )
        receivers.append(_webhook("dead-mans-switch", send_resolved=False))
    else:
        routes.append({"receiver": "page-only", "matchers": ['alertname="Watchdog"']})
    for receiver in monitoring.receivers:
        severities = "|".join(receiver.severities)
        routes.append(
            {
                "receiver": receiver.name,
                "matchers": [f'environment="{stack}"', f'severity=~"{severities}"'],
                "continue": True,
            }
        )
        receivers.append(_webhook(receiver.name))
    made = {
        "route": {
            "receiver": "page-only",
            "group_by": ["environment", "component", "alertname"],
            "group_wait": "10s",
            "group_interval": "1m",
            "repeat_interval": "4h",
            "routes": routes,
        },
        "inhibit_rules": [
            # an environment that is down silences its parts: what is slow, failing or silent, and budgets that burn;
            # what burns on after the cause has ended is told
            {
                "source_matchers": ['alertname="ArchiveDown"'],
                "target_matchers": ['component=~"archive|front-door|sender|slo-.*"', 'alertname!="ArchiveDown"'],
                "equal": ["environment"],
            },
            {
                "source_matchers": ['alertname="FrontDoorDown"'],
                "target_matchers": ['component=~"front-door|sender|slo-.*"', 'alertname!="FrontDoorDown"'],
                "equal": ["environment"],
            },
            {
                "source_matchers": ['alertname=~"BucketUnreachable|DatabaseDown"'],
                "target_matchers": [
                    'component=~"archive|front-door|sender|object-store|database|slo-.*"',
                    'alertname!~"BucketUnreachable|DatabaseDown|ObjectLockDrift"',
                ],
                "equal": ["environment"],
            },
            {
                "source_matchers": ['alertname="StoreFailures"'],
                "target_matchers": ['component="slo-store-success"'],
                "equal": ["environment"],
            },
            {
                "source_matchers": ['severity="critical"'],
                "target_matchers": ['severity=~"warning|info"'],
                "equal": ["environment", "component"],
            },
        ],
        "receivers": receivers,
    }
    return yaml.safe_dump(made, sort_keys=False, width=1000)


def _webhook(name: str, *, send_resolved: bool = True) -> dict[str, Any]:
    """The address is read from a mounted Secret: it often holds a token."""
    return {"name": name, "webhook_configs": [{"url_file": f"{SECRETS}/{name}/url", "send_resolved": send_resolved}]}
