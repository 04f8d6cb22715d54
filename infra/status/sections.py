"""What is asked and how it is judged. A source that can't be asked makes its section unknown, not the others."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from infra.status.finding import Finding, Section, unknown, well, wrong
from infra.status.sources import SourceError, Sources

CERTIFICATE_DAYS: Final = 30  # as the alert CertificateNearItsEnd
WATCHDOG: Final = "Watchdog"


def replicas(sources: Sources) -> list[Finding]:
    """How many of each component's pods are ready."""
    found = []
    for one in sources.objects("statefulsets,deployments,daemonsets"):
        name, status = one["metadata"]["name"], one.get("status", {})
        if one["kind"] == "DaemonSet":
            wanted, ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        else:
            wanted, ready = one["spec"].get("replicas", 1), status.get("readyReplicas", 0)
        found.append((well if ready == wanted > 0 else wrong)(name, f"{ready} of {wanted} ready"))
    return sorted(found, key=lambda finding: finding.what) or [wrong("replicas", "the namespace has none")]


def front_door(sources: Sources) -> list[Finding]:
    """What the prober found last."""
    seconds = {labels["module"]: value for labels, value in sources.query("dicom_probe_duration_seconds")}
    probes = sources.query("dicom_probe_success")
    if not probes:
        return [unknown("probes", "Prometheus has no result of the prober")]
    return [
        well(labels["module"], f"succeeds, {seconds.get(labels['module'], float('nan')) * 1e3:.0f} ms")
        if value
        else wrong(labels["module"], "fails")
        for labels, value in sorted(probes, key=lambda one: one[0]["module"])
    ]


def database(sources: Sources) -> list[Finding]:
    """The primary, who follows it, and how far behind."""
    primaries = [labels["name"] for labels, value in sources.query("patroni_primary") if value]
    members = sources.query("patroni_postgres_running")
    if not members:
        return [unknown("members", "Prometheus has no member of the database")]
    lag = sources.query("max(patroni_xlog_location) - min(patroni_xlog_replayed_location > 0)")
    found = [well("primary", primaries[0]) if len(primaries) == 1 else wrong("primary", ", ".join(primaries) or "none")]
    running = sum(value for _, value in members)
    found.append((well if running == len(members) else wrong)("members", f"{running:.0f} of {len(members)} run"))
    if lag and len(members) > 1:
        found.append(well("behind", f"{lag[0][1]:,.0f} bytes of the log"))
    return found


def bucket(sources: Sources) -> list[Finding]:
    """Whether the store takes and gives objects, how full it is, and whether each bucket is as declared."""
    up = sources.query("s3_exporter_endpoint_up")
    if not up:
        return [unknown("endpoint", "Prometheus has no result of the s3-exporter")]
    found = [well("endpoint", "puts, gets and deletes") if up[0][1] else wrong("endpoint", "an operation fails")]
    sizes = {labels["bucket"]: value for labels, value in sources.query("sum by (bucket) (s3_exporter_bucket_bytes)")}
    used = {labels["bucket"]: value for labels, value in sources.query("s3_exporter_quota_used_ratio")}
    parts: dict[str, list[tuple[str, float]]] = {}
    for labels, value in sources.query("s3_exporter_as_declared"):
        parts.setdefault(labels["bucket"], []).append((labels["part"], value))
    for name, declared in sorted(parts.items()):
        drifted = sorted(part for part, value in declared if not value)
        full = f", {used[name]:.1%} of its capacity" if name in used else ""
        size = f"{sizes[name] / 1e9:,.2f} GB{full}; " if name in sizes else ""
        words = f"not as declared: {', '.join(drifted)}" if drifted else "as declared"
        found.append((wrong if drifted else well)(name, size + words))
    return found


def certificates(sources: Sources) -> list[Finding]:
    """Those of the front door, by a handshake from here."""
    found = []
    for name in ("dicomTls",):
        try:
            end = sources.certificate_end(name)
        except SourceError as error:
            found.append(wrong(name, str(error)))
            continue
        days = (end - datetime.now(UTC)).days
        found.append((wrong if days < CERTIFICATE_DAYS else well)(name, f"ends in {days} days ({end:%Y-%m-%d})"))
    return found


def last_campaign(sources: Sources, reports: Path) -> list[Finding]:
    """The newest report of a campaign against this environment in a folder of reports."""
    newest: tuple[str, dict[str, Any], Path] | None = None
    for file in reports.glob("*/report.json"):
        try:
            report = json.loads(file.read_text())
        except (OSError, ValueError):
            continue  # one that is being written
        if report.get("environment", {}).get("namespace") != sources.outputs["namespace"]:
            continue
        if newest is None or (report.get("started") or "") > newest[0]:
            newest = (report.get("started") or "", report, file)
    if newest is None:
        return [unknown("campaign", f"no report of one in {reports} (`make campaign`)")]
    started, report, file = newest
    words = f"{report['campaign']} {report['verdict']}, {started}; {file.with_suffix('.html')}"
    found = [(well if report["verdict"] == "passed" else wrong)("campaign", words)]
    if report.get("release") != sources.outputs.get("release"):
        found.append(wrong("release", "the campaign was of another release: this one is not measured"))
    return found


def alerts(sources: Sources) -> list[Finding]:
    """What fires and isn't kept quiet."""
    known = sources.alerts()
    firing = [one for one in known if one["status"]["state"] == "active"]
    if not any(one["labels"]["alertname"] == WATCHDOG for one in firing):
        return [wrong("watchdog", "Prometheus' alerts do not reach Alertmanager")]
    found = [
        wrong(one["labels"]["alertname"], f"{one['labels'].get('severity')}: {one['annotations'].get('summary', '')}")
        for one in sorted(firing, key=lambda one: (one["labels"].get("severity", ""), one["startsAt"]))
        if one["labels"]["alertname"] != WATCHDOG
    ]
    quiet = len(known) - len(firing)
    return [*(found or [well("alerts", "none fires")]), *([well("quiet", f"{quiet} alerts")] if quiet else [])]


def all_sections(reports: Path) -> list[tuple[str, Callable[[Sources], list[Finding]]]]:
    """Titles and what answers them, in the order of the screen."""
    return [
        ("Alerts", alerts),
        ("Front door", front_door),
        ("Replicas", replicas),
        ("Database", database),
        ("Bucket", bucket),
        ("Certificates", certificates),
        ("Last campaign", lambda sources: last_campaign(sources, reports)),
    ]


def answer(title: str, ask: Callable[[Sources], list[Finding]], sources: Sources) -> Section:
    """A section; unknown where its source can't be asked."""
    try:
        return Section(title, tuple(ask(sources)))
    except SourceError as error:
        return Section(title, (unknown("not known", str(error)),))
