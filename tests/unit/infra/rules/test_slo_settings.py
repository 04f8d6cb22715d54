"""What an objective may be, with the exact words of each refusal."""

from typing import Any

import pytest

from exporters.dimse_tap import metrics as tap
from exporters.http_log_exporter import metrics as http
from infra.settings import SettingsError, parse
from infra.slo_settings import BOUNDARIES, SloSettings


def test_every_stack_has_objectives_by_default() -> None:
    slos = parse({}, "dev").slos
    assert slos.store_success is not None
    assert slos.store_success.objective == 99.95
    assert all(getattr(slos, field) for field in SloSettings.model_fields)


def test_null_takes_an_objective_away_and_leaves_the_others() -> None:
    slos = parse({"slos": {"query": None}}, "dev").slos
    assert slos.query is None
    assert slos.store_latency is not None


def test_an_objective_can_be_another() -> None:
    slos = parse({"slos": {"storeLatency": {"objective": 97.5, "seconds": 10}}}, "dev").slos
    assert slos.store_latency is not None
    assert (slos.store_latency.objective, slos.store_latency.seconds) == (97.5, 10)


def test_the_boundaries_are_those_of_the_histograms() -> None:
    assert BOUNDARIES == tap.SECONDS == http.SECONDS


NO_OBJECTIVE = (
    "an objective is a percentage above 93.06 and below 100: with less, a total failure could not reach 14.4 times "
    "the budget, and with 100 there is no budget"
)
NONE: dict[str, None] = dict.fromkeys(("storeSuccess", "storeLatency", "retrieveDimse", "retrieveWado", "query"))
INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "a latency between two bounds": (
        {"slos": {"query": {"objective": 95, "seconds": 3}}},
        "vnaops:slos.query.seconds: a latency is judged at a bound of the histograms' buckets: 0.001, 0.0025, 0.005, "
        "0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300 (it is 3)",
    ),
    "an objective that leaves no budget": (
        {"slos": {"frontDoor": {"objective": 100}}},
        f"vnaops:slos.frontDoor.objective: {NO_OBJECTIVE} (it is 100)",
    ),
    "an objective that can't page": (
        {"slos": {"frontDoor": {"objective": 90}}},
        f"vnaops:slos.frontDoor.objective: {NO_OBJECTIVE} (it is 90)",
    ),
    "a share in place of a percentage": (
        {"slos": {"storeSuccess": {"objective": 0.9995}}},
        f"vnaops:slos.storeSuccess.objective: {NO_OBJECTIVE} (it is 0.9995)",
    ),
    "an objective that nobody knows": (
        {"slos": {"uptime": {"objective": 99}}},
        "vnaops:slos.uptime: there is no such setting; infra/settings.py lists them",
    ),
    "a scrape that is too seldom": (
        {"monitoring": {"scrapeSeconds": 120}},
        "vnaops:settings: monitoring.scrapeSeconds must be at most 60 while there are slos: "
        "their shortest window is 5 minutes",
    ),
    "series that are kept for less than the budget's time": (
        {"monitoring": {"retention": "360h"}},
        "vnaops:settings: monitoring.retention must be at least 30d while there are slos: "
        "their budget is that of 30 days",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_cannot_be_judged_is_refused(name: str) -> None:
    values, words = INVALID[name]
    with pytest.raises(SettingsError) as error:
        parse(values, "dev")
    assert str(error.value) == words


def test_without_objectives_series_may_be_kept_for_a_shorter_time() -> None:
    settings = parse({"slos": {**NONE, "frontDoor": None}, "monitoring": {"retention": "12h"}}, "dev")
    assert settings.monitoring.retention_hours == 12
