"""Prometheus' rules of an environment: the sources beside this file, with what differs from stack to stack."""

import re
from pathlib import Path
from typing import Any

import yaml

from infra.rules import slo
from infra.settings import Settings

FOLDER = Path(__file__).parent


def kebab(alert: str) -> str:
    """ObjectLockDrift → object-lock-drift; a runbook's name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", alert).lower()


def runbook_url(alert: str, base: str) -> str:
    """Where the runbook of an alert is: derived from its name, nowhere typed."""
    return f"{base.rstrip('/')}/{kebab(alert)}.md"


def silent_senders(settings: Settings) -> dict[str, Any]:
    """One rule per modality that must not stay silent; its limit is in the registry."""
    return {
        "groups": [
            {
                "name": "vnaops-senders",
                "rules": [
                    {
                        "alert": "SenderSilent",
                        "expr": (
                            f'time() - calling:dimse_tap_last_heard_timestamp_seconds:max{{calling="{one.ae_title}"}}'
                            f" > {one.silent_after_seconds}"
                        ),
                        "for": "1m",
                        "labels": {"severity": "warning", "component": "sender"},
                        "annotations": {
                            "summary": "{{ $labels.calling }} has sent nothing for {{ $value | humanizeDuration }}.",
                            "description": "This modality is expected to call at least every "
                            f"{one.silent_after_seconds} s (modalities[].silentAfterSeconds of the stack).",
                        },
                    }
                    for one in settings.modalities
                    if one.silent_after_seconds is not None
                ],
            }
        ]
    }


def files(settings: Settings, stack: str) -> dict[str, str]:
    """Rule files for Prometheus: name → YAML. Every alert has its environment and its runbook's address."""
    sources = {path.name: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("alerts/*.yaml"))}
    sources["senders.yaml"] = silent_senders(settings)
    sources["recording.yaml"] = yaml.safe_load((FOLDER / "recording.yaml").read_text())
    if (made := slo.rules(settings, stack)) is not None:
        # their windows are minutes to days: once a minute is enough, and a quarter of the cost
        groups = [{"name": group["name"], "interval": "1m", **group} for group in made["groups"]]
        sources[slo.RULES] = {**made, "groups": groups}
    for source in sources.values():
        for group in source["groups"]:
            for rule in group["rules"]:
                if "alert" in rule:
                    rule["labels"]["environment"] = stack
                    rule["annotations"]["runbook_url"] = runbook_url(rule["alert"], settings.monitoring.runbook_url)
    return {
        name: yaml.safe_dump(source, sort_keys=False, width=1000, allow_unicode=True)
        for name, source in sources.items()
        if any(group["rules"] for group in source["groups"])
    }
