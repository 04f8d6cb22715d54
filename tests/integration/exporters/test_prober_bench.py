"""`make bench-prober` in small: what hangs is an answered scrape, and is told apart from what doesn't."""

import os

import pytest

from loadtests.bench import prober


def test_a_few_targets_some_of_which_hang_are_scraped_without_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prober, "INTERVAL", 1.0)
    monkeypatch.setattr(prober, "TIMEOUT", 5.0)
    processors = os.sched_getaffinity(0)
    try:
        figures = prober.measure(10, 4, 2)
    finally:
        os.sched_setaffinity(0, processors)

    assert (figures["targets"], figures["hung_targets"], figures["scrapes"]) == (10, 4, 20)
    assert (figures["scrape_errors"], figures["wrong_results"]) == (0, 0)
    assert 4 < figures["scrape_max_seconds"] < 5
    assert 0 < figures["probe_p50_seconds"] <= figures["probe_p99_seconds"] < 5
    assert 20 << 20 < figures["rss_bytes_peak"] < 200 << 20
    assert figures["cpu_seconds_per_second"] > 0
