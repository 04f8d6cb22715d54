"""Every alert is silent one step before its `for` is over and fires one step later, with all its labels (promtool)."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import rules, settings
from infra.rules import slo
from tests.rules import infrastructure
from tests.rules.case import STEP, Case, steadily

STACK = "dev"
SETTINGS = settings.parse(
    {"modalities": [{"aeTitle": "CT1", "host": "10.0.0.1", "rights": ["store"], "silentAfterSeconds": 3600}]}, STACK
)
FILES = {
    name: text for name, text in rules.files(SETTINGS, STACK).items() if name != slo.RULES
}  # test_slos.py has those
ALERTS = {
    rule["alert"]: rule
    for text in FILES.values()
    for group in yaml.safe_load(text)["groups"]
    for rule in group["rules"]
    if "alert" in rule
}

# recorded series first, or an alert on them would be a step late by chance; promtool knows an order of all groups only
GROUPS = sorted(
    (group for text in FILES.values() for group in yaml.safe_load(text)["groups"]),
    key=lambda group: not any("record" in rule for rule in group["rules"]),
)

STORE = 'dimse_tap_operation_duration_seconds_{}{{operation="C-STORE",status_class="{}"{}}}'
DOOR = {"module": "echo", "target": "door:11112"}
CASES = {
    "FrontDoorDown": Case(
        {'dicom_probe_success{module="echo",target="door:11112"}': steadily(0)},
        DOOR,
        well={'dicom_probe_success{module="echo",target="door:11112"}': steadily(1)},
    ),
    "StoreProbeFails": Case(
        {'dicom_probe_success{module="store",target="door:11112"}': steadily(0)},
        {"module": "store", "target": "door:11112"},
        well={'dicom_probe_success{module="store",target="door:11112"}': steadily(1)},
    ),
    "RoundTripFails": Case(
        {'dicom_probe_success{module="round-trip",target="door:11112"}': steadily(0)},
        {"module": "round-trip", "target": "door:11112"},
        well={'dicom_probe_success{module="round-trip",target="door:11112"}': steadily(1)},
    ),
    "ProbeFails": Case(
        {'dicom_probe_success{module="qido-rs",target="door:8443"}': steadily(0)},
        {"module": "qido-rs", "target": "door:8443"},
        well={'dicom_probe_success{module="qido-rs",target="door:8443"}': steadily(1)},
    ),
    "StoreStallSuspected": Case(
        {'dicom_probe_stall_suspected{target="door:11112"}': steadily(1)},
        {"target": "door:11112"},
        well={'dicom_probe_stall_suspected{target="door:11112"}': steadily(0)},
    ),
    "CertificateNearItsEnd": Case(
        {
            'dicom_probe_certificate_not_after_timestamp_seconds{module="echo-tls",target="door:2762"}': steadily(
                1_728_000
            )
        },
        {"target": "door:2762"},
        well={'dicom_probe_certificate_not_after_timestamp_seconds{target="door:2762"}': steadily(1_900_800)},
        words={"{{ $value | humanizeDuration }}": "19d 23h 59m 0s"},
    ),
    "AssociationsRejected": Case(
        {'dimse_tap_rejections_total{source="service-user",reason="called-AE-title-not-recognized"}': steadily(0, 300)},
        {"source": "service-user", "reason": "called-AE-title-not-recognized"},
        onset=STEP,
        well={'dimse_tap_rejections_total{source="service-user",reason="x"}': steadily(0, 1)},
    ),
    "ArchiveDown": Case(
        {'haproxy_backend_status{proxy="dicom_writers",state="UP"}': steadily(0)},
        well={'haproxy_backend_status{proxy="dicom_writers",state="UP"}': steadily(1)},
    ),
    "ArchiveReplicaDown": Case(
        {
            'haproxy_backend_status{proxy="dicom_writers",state="UP"}': steadily(1),
            'haproxy_server_check_status{proxy="dicom_writers",server="archive-1",state="L7OK"}': steadily(0),
        },
        {"server": "archive-1"},
        well={
            'haproxy_backend_status{proxy="dicom_writers",state="UP"}': steadily(1),
            'haproxy_server_check_status{proxy="dicom_writers",server="archive-1",state="L7OK"}': steadily(1),
        },
    ),
    "StoreFailures": Case(
        {STORE.format("count", "failure", ""): steadily(0, 1), STORE.format("count", "success", ""): steadily(0, 100)},
        onset=STEP,
        well={
            STORE.format("count", "failure", ""): steadily(0, 0),
            STORE.format("count", "success", ""): steadily(0, 100),
        },
    ),
    "StoreSlow": Case(
        {
            STORE.format("bucket", "success", ',le="5"'): steadily(0, 1),
            STORE.format("bucket", "success", ',le="10"'): steadily(0, 10),
            STORE.format("bucket", "success", ',le="+Inf"'): steadily(0, 10),
        },
        {"operation": "C-STORE"},
        onset=STEP,
        well={
            STORE.format("bucket", "success", ',le="5"'): steadily(0, 10),
            STORE.format("bucket", "success", ',le="+Inf"'): steadily(0, 10),
        },
    ),
    "IndexRetries": Case(
        {'vnaops_s3_storage_retries_total{operation="put"}': steadily(0, 1000)},
        onset=STEP,
        well={'vnaops_s3_storage_retries_total{operation="put"}': steadily(0, 1)},
    ),
    "ArchiveJobsGrow": Case(
        {"orthanc_jobs_pending": steadily(60, 1)},
        onset=60,  # deriv takes two points, and its subquery has one a minute
        well={"orthanc_jobs_pending": steadily(60)},
    ),
    "DatabaseDown": Case({"patroni_primary": steadily(0)}, well={"patroni_primary": steadily(1)}),
    "DatabaseMemberDown": Case(
        {'patroni_postgres_running{name="database-1"}': steadily(0)},
        {"name": "database-1"},
        well={'patroni_postgres_running{name="database-1"}': steadily(1)},
    ),
    "BucketUnreachable": Case(
        {'s3_exporter_endpoint_up{job="s3-exporter"}': steadily(0)},
        {"job": "s3-exporter"},
        well={'s3_exporter_endpoint_up{job="s3-exporter"}': steadily(1)},
    ),
    "ObjectLockDrift": Case(
        {'s3_exporter_as_declared{bucket="archive",part="retention"}': steadily(0)},
        {"bucket": "archive", "part": "retention"},
        well={'s3_exporter_as_declared{bucket="archive",part="retention"}': steadily(1)},
    ),
    "BucketNotLookedAt": Case(
        {'s3_exporter_check_success{bucket="archive"}': steadily(0)},
        {"bucket": "archive"},
        well={'s3_exporter_check_success{bucket="archive"}': steadily(1)},
    ),
    "ObjectStoreFull": Case(
        {
            's3_exporter_bucket_bytes{bucket="archive",class="all"}': steadily(0, 1000),
            's3_exporter_capacity_bytes{bucket="archive"}': steadily(100_000_000),
        },
        {"bucket": "archive"},
        onset=STEP,  # predict_linear takes two points
        well={
            's3_exporter_bucket_bytes{bucket="archive",class="all"}': steadily(0, 1),
            's3_exporter_capacity_bytes{bucket="archive"}': steadily(100_000_000),
        },
    ),
    "ObjectStoreSlow": Case(
        {
            's3_exporter_operation_duration_seconds_bucket{operation="put",le="1"}': steadily(0, 1),
            's3_exporter_operation_duration_seconds_bucket{operation="put",le="2.5"}': steadily(0, 10),
            's3_exporter_operation_duration_seconds_bucket{operation="put",le="+Inf"}': steadily(0, 10),
        },
        {"operation": "put"},
        onset=STEP,
        well={
            's3_exporter_operation_duration_seconds_bucket{operation="put",le="1"}': steadily(0, 10),
            's3_exporter_operation_duration_seconds_bucket{operation="put",le="+Inf"}': steadily(0, 10),
        },
    ),
    "IncompleteUploads": Case(
        {'s3_exporter_oldest_incomplete_upload_age_seconds{bucket="archive"}': steadily(90000)},
        {"bucket": "archive"},
        well={'s3_exporter_oldest_incomplete_upload_age_seconds{bucket="archive"}': steadily(80000)},
    ),
    "Watchdog": Case({}),
    "ProbeBlind": Case({}, {"module": "store"}, well={'dicom_probe_success{module="store"}': steadily(1)}),
    "TapBlind": Case(
        {'up{job="dimse-tap"}': steadily(0)}, {"job": "dimse-tap"}, well={'up{job="dimse-tap"}': steadily(1)}
    ),
    "TransactionsNotUnderstood": Case(
        {'dimse_tap_unparsed_total{reason="protocol"}': steadily(0, 100)},
        {"reason": "protocol"},
        onset=STEP,
        well={'dimse_tap_unparsed_total{reason="protocol"}': steadily(0, 0)},
    ),
    "TargetDown": Case(
        {'up{job="database"}': steadily(0)}, {"job": "database"}, well={'up{job="database"}': steadily(1)}
    ),
    "SenderSilent": Case(
        {'dimse_tap_last_heard_timestamp_seconds{calling="CT1"}': steadily(0)},
        {"calling": "CT1"},
        onset=3600 + STEP,
        well={'dimse_tap_last_heard_timestamp_seconds{calling="CT1"}': steadily(0, STEP)},
        words={"{{ $value | humanizeDuration }}": "1h 1m 15s"},
    ),
} | infrastructure.CASES


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)([smh])", text).groups()  # type: ignore[union-attr]  # it has this form
    return int(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def promtool(folder: Path, series: dict[str, str], name: str, expected: dict[int, list[dict[str, Any]]]) -> None:
    # only what the alert is made of: promtool evaluates every rule at every step
    files = {file: text for file, text in FILES.items() if f"alert: {name}\n" in text or "record: " in text}
    for file, text in files.items():
        (folder / file).write_text(text)
    test = {
        "rule_files": list(files),
        "group_eval_order": [group["name"] for group in GROUPS],
        "evaluation_interval": f"{STEP}s",
        "tests": [
            {
                "interval": f"{STEP}s",
                "input_series": [{"series": one, "values": values} for one, values in series.items()],
                "alert_rule_test": [
                    {"eval_time": f"{at}s", "alertname": name, "exp_alerts": alerts} for at, alerts in expected.items()
                ],
            }
        ],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(test))
    ran = subprocess.run(
        ["promtool", "test", "rules", "test.yaml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_silent_one_step_before_its_time_and_fires_then(name: str, tmp_path: Path) -> None:
    rule, case = ALERTS[name], CASES[name]
    labels = {**case.labels, **rule["labels"]}
    words = {f"{{{{ $labels.{key} }}}}": value for key, value in labels.items()} | case.words
    annotations = {}
    for key, text in rule["annotations"].items():
        for template, value in words.items():
            text = text.replace(template, value)
        annotations[key] = text
    at = case.onset + seconds(rule.get("for", "0s"))
    expected: dict[int, list[dict[str, Any]]] = {at: [{"exp_labels": labels, "exp_annotations": annotations}]}
    if "for" in rule:
        expected[at - STEP] = []
    promtool(tmp_path, case.series, name, expected)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.well])
def test_an_alert_stays_silent_while_all_is_well(name: str, tmp_path: Path) -> None:
    promtool(tmp_path, CASES[name].well, name, {at: [] for at in (60, 1800, 7200)})


def test_every_alert_has_its_case_and_no_case_is_left_over() -> None:
    assert set(CASES) == set(ALERTS)


def test_promtool_accepts_all_rule_files(tmp_path: Path) -> None:
    for file, text in FILES.items():
        (tmp_path / file).write_text(text)
    ran = subprocess.run(
        ["promtool", "check", "rules", *FILES], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
