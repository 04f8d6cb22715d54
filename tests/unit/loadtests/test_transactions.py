"""Numbers from transactions."""

import pytest

from loadtests.transactions import Outcome, Recorder, RequestFailed, Transaction, summarise


def done(end: float, seconds: float, outcome: Outcome = Outcome.OK, error: str = "") -> Transaction:
    return Transaction("C-STORE", end, seconds, 1, 1000, outcome, error)


def test_rates_are_over_the_time_from_first_request_to_last_answer() -> None:
    summary = summarise([done(2.5, 0.5), done(4.0, 1.0), done(6.0, 0.25)])

    assert summary.active_seconds == pytest.approx(4.0)
    assert summary.instances_per_second == pytest.approx(0.75)
    assert summary.bytes_per_second == pytest.approx(750)


def test_quantiles_are_of_what_succeeded() -> None:
    summary = summarise(
        [
            *(done(n, n / 100) for n in range(1, 101)),
            done(200, 30, Outcome.UNKNOWN, "timed out"),
            done(210, 40, Outcome.FAILED, "x"),
        ]
    )

    assert summary.latency["p50"] == pytest.approx(0.505)
    assert summary.latency["p99"] == pytest.approx(0.9901)
    assert (summary.latency["min"], summary.latency["max"]) == (0.01, 1.0)
    assert (summary.count, summary.failures, summary.unknown) == (102, 1, 1)


def test_what_did_not_succeed_is_no_throughput_but_counted_by_class() -> None:
    summary = summarise(
        [
            done(1, 1),
            *(done(n, 1, Outcome.FAILED, "status 0xA700") for n in (2, 3)),
            done(4, 1, Outcome.UNKNOWN, "lost"),
        ]
    )

    assert (summary.instances, summary.size, summary.failures, summary.unknown) == (1, 1000, 2, 1)
    assert summary.errors == {"status 0xA700": 2, "lost": 1}


def test_nothing_done_has_no_quantiles_and_no_rate() -> None:
    summary = summarise([])

    assert (summary.count, summary.latency, summary.instances_per_second, summary.bytes_per_second) == (0, {}, 0, 0)


def test_locusts_events_become_transactions() -> None:
    recorder = Recorder()
    recorder.on_request("C-STORE", 12.5, None, {"instances": 1, "bytes": 5}, request_type="DIMSE", response_length=5)
    recorder.on_request("C-STORE", 1.0, RequestFailed("timed out", Outcome.UNKNOWN))
    recorder.on_request("QIDO-RS", 1.0, ValueError("a text that may be different each time"))

    first, second, third = recorder.transactions
    assert (first.operation, first.seconds, first.instances, first.size) == ("C-STORE", 0.0125, 1, 5)
    assert (first.outcome, second.outcome, third.outcome) == (Outcome.OK, Outcome.UNKNOWN, Outcome.FAILED)
    assert (second.error, third.error) == ("timed out", "ValueError")
