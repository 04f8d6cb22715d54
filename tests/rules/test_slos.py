"""The objectives' alerts: on both sides of each burn rate and of each window, and with no traffic."""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import rules, settings
from infra.rules import generate, slo

STEP = 15  # seconds, dev's scrape interval
HOUR = 3600
EVENTS = 1_000_000  # in a step: a share of them is exact
STACK = "dev"
RULES = yaml.safe_load(rules.files(settings.parse({}, STACK), STACK)[slo.RULES])
OPERATION = "dimse_tap_operation_duration_seconds"

Shares = Sequence[float]
"""The share of bad events, step by step."""
Series = dict[str, Iterable[float]]


def counted(per_step: Iterable[float]) -> list[float]:
    return list(accumulate(per_step, initial=0))


def every(shares: Shares) -> list[float]:
    return counted(EVENTS for _ in shares)


def bad(shares: Shares) -> list[float]:
    return counted(round(EVENTS * share) for share in shares)


def good(shares: Shares) -> list[float]:
    return counted(EVENTS - round(EVENTS * share) for share in shares)


def latency(histogram: str, labels: str, bound: str, shares: Shares) -> Series:
    """All within a minute, the good ones within the bound."""
    return {
        f"{histogram}_count{{{labels}}}": every(shares),
        f'{histogram}_bucket{{{labels},le="{bound}"}}': good(shares),
        f'{histogram}_bucket{{{labels},le="60.0"}}': every(shares),
    }


# each with something beside it that is bad throughout and must not count
OBSERVED: dict[str, Callable[[Shares], Series]] = {
    "store_success": lambda shares: {
        f'{OPERATION}_count{{operation="C-STORE",status_class="success"}}': good(shares),
        f'{OPERATION}_count{{operation="C-STORE",status_class="failure"}}': bad(shares),
        f'{OPERATION}_count{{operation="C-ECHO",status_class="failure"}}': every(shares),
    },
    "store_latency": lambda shares: {
        **latency(OPERATION, 'operation="C-STORE",status_class="success"', "5.0", shares),
        f'{OPERATION}_count{{operation="C-STORE",status_class="failure"}}': every(shares),
    },
    "retrieve_dimse": lambda shares: {
        **latency("dimse_tap_first_response_seconds", 'operation="C-GET"', "2.5", shares),
        'dimse_tap_first_response_seconds_count{operation="C-FIND"}': every(shares),
    },
    "retrieve_wado": lambda shares: {
        **latency("http_transactions_first_byte_seconds", 'operation="wado-rs-instance"', "2.5", shares),
        'http_transactions_first_byte_seconds_count{operation="stow-rs"}': every(shares),
    },
    "query": lambda shares: {
        **latency(OPERATION, 'operation="C-FIND",status_class="success"', "1.0", shares),
        f'{OPERATION}_count{{operation="C-MOVE",status_class="success"}}': every(shares),
    },
    "front_door": lambda shares: {
        # as if each sample stood for a great many probes
        'dicom_probe_success{module="echo"}': [1 - share for share in (*shares[:1], *shares)],
        'dicom_probe_success{module="store"}': [0 for _ in shares],
    },
}
BY_FIELD = {indicator.field: indicator for indicator in slo.INDICATORS}


def budget(field: str) -> float:
    return float(1 - getattr(settings.parse({}, STACK).slos, field).objective / 100)


def of(field: str) -> list[dict[str, Any]]:
    """The groups of one objective: they depend on no other's."""
    return [group for group in RULES["groups"] if group["name"].endswith(f"-vnaops-{BY_FIELD[field].name}")]


def promtool(
    folder: Path, field: str, series: Series, step: int = STEP, evaluate: int | None = None, **tests: Any
) -> None:
    groups = of(field)
    (folder / "slo.yaml").write_text(yaml.safe_dump({"groups": groups}))
    given = [
        {"series": name, "values": " ".join(f"{value:.15g}" for value in values)} for name, values in series.items()
    ]
    test = {
        "rule_files": ["slo.yaml"],
        "evaluation_interval": f"{evaluate or step}s",
        "group_eval_order": [group["name"] for group in groups],
        "tests": [{"interval": f"{step}s", "input_series": given, **tests}],
    }
    (folder / "test.yaml").write_text(yaml.safe_dump(test))
    ran = subprocess.run(
        ["promtool", "test", "rules", "test.yaml"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def firing(field: str, severity: str, at: int, fires: bool) -> dict[str, Any]:
    """An expectation at a time in seconds."""
    alert = f'alertname="{BY_FIELD[field].alert}",severity="{severity}",alertstate="firing"'
    samples = [{"labels": "{}", "value": 1}] if fires else []
    return {"expr": f"count(ALERTS{{{alert}}})", "eval_time": f"{at}s", "exp_samples": samples}


def alert(field: str, severity: str, share: float) -> dict[str, Any]:
    """What an alert says in whole."""
    (rule,) = (
        rule for group in of(field) for rule in group["rules"] if rule.get("labels", {}).get("severity") == severity
    )
    labels = {
        **rule["labels"],
        "sloth_id": f"vnaops-{BY_FIELD[field].name}",
        "sloth_service": "vnaops",
        "sloth_slo": BY_FIELD[field].name,
    }
    words = {"{{ $value | humanizePercentage }}": f"{100 * share:.4g}%"}
    words |= {f"{{{{$labels.{name}}}}}": value for name, value in labels.items()}
    annotations = {}
    for key, text in rule["annotations"].items():
        for template, value in words.items():
            text = text.replace(template, value)
        annotations[key] = text
    return {"exp_labels": labels, "exp_annotations": annotations}


@pytest.mark.parametrize("field", sorted(set(OBSERVED) - {"front_door"}))
@pytest.mark.parametrize(
    ("factor", "severities"),
    [(6.06, ("critical", "warning")), (5.94, ("warning",)), (1.02, ("warning",)), (0.98, ())],
    ids=["above a page", "below a page", "above a ticket", "below a ticket"],
)
def test_a_budget_that_burns_steadily_is_told_by_how_fast(
    field: str, factor: float, severities: tuple[str, ...], tmp_path: Path
) -> None:
    share = round(EVENTS * factor * budget(field)) / EVENTS
    expected = [alert(field, severity, share) for severity in severities]
    promtool(
        tmp_path,
        field,
        OBSERVED[field]([share] * 40),
        alert_rule_test=[{"eval_time": "10m", "alertname": BY_FIELD[field].alert, "exp_alerts": expected}],
    )


@pytest.mark.parametrize(
    ("hours", "factor", "severities"),
    [(6, 6.06, ("critical",)), (6, 5.94, ()), (24, 3.03, ("warning",)), (24, 2.97, ())],
    ids=["above a page", "below a page", "above a ticket", "below a ticket"],
)
def test_a_front_door_that_fails_steadily_is_told_when_its_window_is_full(
    hours: int, factor: float, severities: tuple[str, ...], tmp_path: Path
) -> None:
    share = round(EVENTS * factor * budget("front_door")) / EVENTS
    evaluate = HOUR + 1  # between samples: with one at each end a window would have one too many
    expected = [alert("front_door", severity, share) for severity in severities]
    promtool(
        tmp_path,
        "front_door",
        OBSERVED["front_door"]([share] * (hours * evaluate // STEP)),
        evaluate=evaluate,
        alert_rule_test=[
            {"eval_time": f"{hours * evaluate}s", "alertname": "SloFrontDoor", "exp_alerts": expected},
        ],
    )


@pytest.mark.parametrize("field", OBSERVED)
def test_a_total_failure_pages_when_its_hour_has_burnt_two_per_cent_and_is_quiet_after_it(
    field: str, tmp_path: Path
) -> None:
    well = 7 * HOUR // STEP
    failed = int(14.4 * budget(field) * HOUR / STEP) + 1  # steps that are more than the hour may have
    page = (well + failed) * STEP
    over = page + 6 * 60  # and with it the window of 5 minutes
    series = OBSERVED[field]([0] * well + [1] * failed + [0] * 24)
    for at, fires in ((page - STEP, False), (page, True), (over, False)):
        promtool(tmp_path, field, series, evaluate=at, promql_expr_test=[firing(field, "critical", at, fires)])


def test_a_small_leak_is_a_ticket_when_three_days_have_burnt_a_tenth(tmp_path: Path) -> None:
    step, field = 120, "store_success"
    well, leaks = 72 * HOUR // step, 36 * HOUR // step  # at twice the rate, half of three days are a tenth
    series = OBSERVED[field]([0.0] * well + [2 * budget(field)] * (leaks + 60))
    half = (well + leaks) * step
    for severity, at, fires in (
        ("warning", half - 2 * step, False),
        ("warning", half + 2 * step, True),
        ("critical", half + HOUR, False),
    ):
        promtool(tmp_path, field, series, step, at, promql_expr_test=[firing(field, severity, at, fires)])


def test_a_probe_that_fails_while_an_environment_is_new_does_not_page(tmp_path: Path) -> None:
    shares = [0.0] * 10 + [1] + [0] * 20
    promtool(
        tmp_path,
        "front_door",
        OBSERVED["front_door"](shares),
        promql_expr_test=[firing("front_door", "critical", at * STEP, False) for at in range(8, 30)],
    )


def test_a_minute_without_a_front_door_pages_also_in_a_new_environment(tmp_path: Path) -> None:
    shares = [0.0] * 10 + [1] * 5
    promtool(
        tmp_path,
        "front_door",
        OBSERVED["front_door"](shares),
        promql_expr_test=[firing("front_door", "critical", 15 * STEP, True)],
    )


NOTHING = {"expr": 'count({__name__=~"slo:sli_error:.*"}) or count(ALERTS)', "eval_time": "2h", "exp_samples": []}


@pytest.mark.parametrize("field", sorted(set(OBSERVED) - {"front_door"}))
def test_without_traffic_there_is_no_ratio_and_no_alert(field: str, tmp_path: Path) -> None:
    still = {name: [7.0] * 500 for name in OBSERVED[field]([])}
    promtool(tmp_path, field, still, promql_expr_test=[NOTHING])


@pytest.mark.parametrize("field", OBSERVED)
def test_without_series_there_is_no_ratio_and_no_alert(field: str, tmp_path: Path) -> None:
    promtool(tmp_path, field, {'up{job="x"}': [1] * 500}, promql_expr_test=[NOTHING])


def test_a_night_without_traffic_leaves_the_budget_a_number(tmp_path: Path) -> None:
    shares = [0.001] * 80
    day = OBSERVED["store_success"](shares)
    with_night = {name: [*values, *[list(values)[-1]] * 480] for name, values in day.items()}
    ratio = {"expr": "round(sum(slo:sli_error:ratio_rate30d), 0.0001)", "eval_time": "2h20m"}
    promtool(
        tmp_path,
        "store_success",
        with_night,
        promql_expr_test=[{**ratio, "exp_samples": [{"labels": "{}", "value": 0.001}]}],
    )


@pytest.mark.parametrize("field", ["store_success", "query"])
def test_what_has_never_failed_has_a_ratio_of_nought(field: str, tmp_path: Path) -> None:
    well = {name: values for name, values in OBSERVED[field]([0] * 40).items() if "failure" not in name}
    none = {"expr": "sum(slo:sli_error:ratio_rate5m)", "eval_time": "10m"}
    promtool(tmp_path, field, well, promql_expr_test=[{**none, "exp_samples": [{"labels": "{}", "value": 0}]}])


@pytest.mark.parametrize(("field", "operation"), [("store_success", "C-STORE"), ("query", "C-FIND")])
def test_what_has_never_succeeded_is_a_total_failure(field: str, operation: str, tmp_path: Path) -> None:
    failed: Series = {f'{OPERATION}_count{{operation="{operation}",status_class="failure"}}': every([1] * 40)}
    promtool(tmp_path, field, failed, promql_expr_test=[firing(field, "critical", 600, True)])


def test_every_objective_has_its_case() -> None:
    assert set(OBSERVED) == set(BY_FIELD)


@pytest.mark.parametrize("folder", generate.wanted())
def test_what_is_committed_is_what_sloth_makes(folder: str) -> None:
    committed = (slo.GENERATED / folder / slo.RULES).read_text()
    assert committed == generate.sloth(generate.wanted()[folder]), f"{folder}/{slo.RULES} has drifted: run make rules"


def test_promtool_accepts_what_is_committed() -> None:
    files = sorted(slo.GENERATED.glob(f"*/{slo.RULES}"))
    ran = subprocess.run(["promtool", "check", "rules", *files], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
