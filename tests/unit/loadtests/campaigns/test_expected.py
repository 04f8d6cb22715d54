"""How much a campaign will store."""

from typing import Any

import pytest

from loadtests.campaigns.expected import LINE_BYTES_PER_SECOND, expected_bytes
from loadtests.campaigns.plan import Plan

CT = 525_600  # bytes of one image, nearly


def expected(shape: dict[str, Any], *streams: dict[str, Any]) -> float:
    named = [{"name": f"s{number}", **stream} for number, stream in enumerate(streams)]
    return expected_bytes(Plan.model_validate({"name": "own", "title": "Own", "shape": shape, "streams": named}), "run")


STEADY = {"kind": "steady", "seconds": 100}
MODALITY = {"behaviour": "modality", "profiles": {"ct": 1}, "instances": 10}


def test_a_finite_campaign_stores_its_sessions() -> None:
    assert expected(STEADY, {**MODALITY, "users": 2, "sessions": 30}) == pytest.approx(300 * CT, rel=0.01)


def test_an_open_stream_stores_rate_times_time() -> None:
    assert expected(STEADY, {**MODALITY, "per_hour": 360}) == pytest.approx(100 * CT, rel=0.01)


def test_the_shape_counts() -> None:
    ramp = {"kind": "ramp", "seconds": 100, "first": 0, "last": 4}

    assert expected(ramp, {**MODALITY, "per_hour": 360}) == pytest.approx(200 * CT, rel=0.01)


def test_a_store_session_is_one_instance() -> None:
    store = {**MODALITY, "behaviour": "store", "per_second": 5}

    assert expected(STEADY, store) == pytest.approx(500 * CT, rel=0.01)


def test_a_pace_bounds_what_users_would_store() -> None:
    assert expected(STEADY, {**MODALITY, "users": 4, "megabytes_per_second": 19}) == 19e6 * 100


def test_closed_users_without_an_end_are_taken_for_a_full_line_together() -> None:
    endless = {**MODALITY, "users": 4}

    assert expected(STEADY, endless, endless) == LINE_BYTES_PER_SECOND * 100


def test_readers_store_nothing() -> None:
    assert expected(STEADY, {"behaviour": "reading_room", "users": 3, "profiles": {"ct": 1}}) == 0
