"""How what the sources say is judged."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.status import screen, sections
from infra.status.finding import Finding, Level, Section
from infra.status.sources import SourceError, Sources

OUTPUTS = {"namespace": "vnaops-dev", "release": {"version": "2"}}


class Said(Sources):
    """Sources that say what a test gives them, and can't be asked for anything else."""

    def __init__(self, **said: Any) -> None:
        super().__init__(OUTPUTS, {})
        object.__setattr__(self, "said", said)

    def _of(self, name: str) -> Any:
        said: dict[str, Any] = self.said  # type: ignore[attr-defined]
        if name not in said:
            raise SourceError("nobody answers")
        return said[name]

    def objects(self, kinds: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._of("objects")
        return found

    def query(self, promql: str) -> list[tuple[dict[str, str], float]]:
        found: list[tuple[dict[str, str], float]] = self._of("series").get(promql, [])
        return found

    def alerts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._of("alerts")
        return found

    def certificate_end(self, name: str) -> datetime:
        end: datetime = self._of("end")
        return end


def alert(name: str, state: str = "active") -> dict[str, Any]:
    return {
        "labels": {"alertname": name, "severity": "critical"},
        "annotations": {"summary": f"{name} fires."},
        "status": {"state": state},
        "startsAt": "2026-01-01T00:00:00Z",
    }


def workload(kind: str, wanted: int, ready: int) -> dict[str, Any]:
    if kind == "DaemonSet":
        status = {"desiredNumberScheduled": wanted, "numberReady": ready}
        return {"kind": kind, "metadata": {"name": "one"}, "spec": {}, "status": status}
    return {"kind": kind, "metadata": {"name": "one"}, "spec": {"replicas": wanted}, "status": {"readyReplicas": ready}}


@pytest.mark.parametrize("kind", ["StatefulSet", "Deployment", "DaemonSet"])
@pytest.mark.parametrize(("wanted", "ready", "level"), [(2, 2, Level.WELL), (2, 1, Level.WRONG), (0, 0, Level.WRONG)])
def test_a_component_is_well_when_all_its_replicas_are_ready(kind: str, wanted: int, ready: int, level: Level) -> None:
    assert sections.replicas(Said(objects=[workload(kind, wanted, ready)])) == [
        Finding(level, "one", f"{ready} of {wanted} ready")
    ]


def test_an_alert_that_fires_is_wrong_and_one_that_is_kept_quiet_is_only_counted() -> None:
    found = sections.alerts(Said(alerts=[alert("Watchdog"), alert("ArchiveDown"), alert("StoreSlow", "suppressed")]))
    assert [(one.level, one.what) for one in found] == [(Level.WRONG, "ArchiveDown"), (Level.WELL, "quiet")]


def test_no_watchdog_means_that_alerts_do_not_arrive() -> None:
    (found,) = sections.alerts(Said(alerts=[]))
    assert (found.level, found.what) == (Level.WRONG, "watchdog")


def test_a_probe_that_fails_is_wrong_and_none_at_all_is_unknown() -> None:
    series = {"dicom_probe_success": [({"module": "echo"}, 1.0), ({"module": "store"}, 0.0)]}
    found = sections.front_door(Said(series=series))
    assert [one.level for one in found] == [Level.WELL, Level.WRONG]
    assert sections.front_door(Said(series={}))[0].level is Level.UNKNOWN


@pytest.mark.parametrize(("primaries", "level"), [(0, Level.WRONG), (1, Level.WELL), (2, Level.WRONG)])
def test_a_database_has_one_primary(primaries: int, level: Level) -> None:
    series = {
        "patroni_primary": [({"name": f"database-{i}"}, float(i < primaries)) for i in range(2)],
        "patroni_postgres_running": [({"name": f"database-{i}"}, 1.0) for i in range(2)],
    }
    found = sections.database(Said(series=series))
    assert found[0].level is level
    assert found[1] == Finding(Level.WELL, "members", "2 of 2 run")


def test_a_bucket_that_drifted_says_in_which_part() -> None:
    series = {
        "s3_exporter_endpoint_up": [({}, 1.0)],
        "sum by (bucket) (s3_exporter_bucket_bytes)": [({"bucket": "b"}, 2.5e9)],
        "s3_exporter_quota_used_ratio": [({"bucket": "b"}, 0.25)],
        "s3_exporter_as_declared": [({"bucket": "b", "part": "lock"}, 0.0), ({"bucket": "b", "part": "policy"}, 1.0)],
    }
    found = sections.bucket(Said(series=series))
    assert found[0].level is Level.WELL
    assert found[1] == Finding(Level.WRONG, "b", "2.50 GB, 25.0% of its capacity; not as declared: lock")


@pytest.mark.parametrize(("days", "level"), [(29, Level.WRONG), (31, Level.WELL)])
def test_a_certificate_that_ends_within_a_month_is_wrong(days: int, level: Level) -> None:
    end = datetime.now(UTC) + timedelta(days=days, hours=1)
    (found,) = sections.certificates(Said(end=end))
    assert found.level is level
    assert f"{days} days" in found.text


def test_the_last_campaign_is_the_newest_of_this_environment_and_release(tmp_path: Path) -> None:
    for number, (namespace, verdict, release) in enumerate(
        [("vnaops-dev", "failed", "2"), ("vnaops-dev", "passed", "1"), ("vnaops-other", "failed", "2")]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        report = {
            "campaign": "first",
            "verdict": verdict,
            "started": f"2026-01-0{number + 1}",
            "environment": {"namespace": namespace},
            "release": {"version": release},
        }
        (folder / "report.json").write_text(json.dumps(report))
    (tmp_path / "being-written").mkdir()
    (tmp_path / "being-written" / "report.json").write_text("{")
    campaign, release_ = sections.last_campaign(Said(), tmp_path)
    assert (campaign.level, campaign.text.split(",")[0]) == (Level.WELL, "first passed")
    assert (release_.level, release_.what) == (Level.WRONG, "release")


def test_a_source_that_can_not_be_asked_makes_its_section_unknown() -> None:
    section = sections.answer("Alerts", sections.alerts, Said())
    assert section.findings == (Finding(Level.UNKNOWN, "not known", "nobody answers"),)


def test_the_exit_code_is_of_what_is_wrong_before_what_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    def section(*levels: Level) -> Section:
        return Section("Title", tuple(Finding(level, "what", "text") for level in levels))

    assert screen.worst([section(Level.WELL)]) is Level.WELL
    assert screen.worst([section(Level.WELL), section(Level.UNKNOWN)]) is Level.UNKNOWN
    assert screen.worst([section(Level.UNKNOWN), section(Level.WRONG)]) is Level.WRONG
    screen.show("dev", [section(Level.WELL, Level.WRONG)])
    assert "✗ dev: something is wrong" in capsys.readouterr().out
    assert json.loads(screen.as_json("dev", [section(Level.UNKNOWN)]))["level"] == "unknown"
