"""The generator's benchmarks run to their end and write what they promise; how fast anything is isn't asked here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from exporters.dimse import uids
from loadtests.bench import load
from loadtests.bench.sink import sink
from loadtests.engine.scu import Scu, Target
from tests.integration.loadtests.engine.images import CT, EXPLICIT, IMPLICIT, images


def bench(name: str, *arguments: str) -> str:
    """Run one; what it says."""
    command = [sys.executable, "-m", f"loadtests.bench.{name}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=True).stdout


@pytest.mark.parametrize("max_length", [4096, 131072])
@pytest.mark.parametrize("window", [1, 8])
def test_the_sink_answers_whatever_is_stored_and_echoed(max_length: int, window: int) -> None:
    with sink(max_length) as port:
        target = Target("127.0.0.1", port, "SINK", window=window)
        with Scu(target, [(CT, [EXPLICIT]), (uids.VERIFICATION, [IMPLICIT])]) as scu:
            sent = [*images(5), *images(5, 10240)]
            assert scu.window == window
            assert [one.status for one in scu.store_many(sent)] == [0] * 10
            assert scu.echo().status == 0


def test_the_generator_is_compared_with_its_peers(tmp_path: Path) -> None:
    arguments = ["--instances", "40", "--rounds", "1", "--associations", "1", "2", "--sizes", "small"]
    assert load.main([*arguments, "--output", str(tmp_path / "load.json")]) == 0

    figures = json.loads((tmp_path / "load.json").read_text())["figures"]
    cases = {(one["target"], one["associations"]) for one in figures}
    assert cases == {(target, number) for target in ("sink", "storescp") for number in (1, 2)}
    assert {one["peer"] for one in figures} == {"ours", "storescu", "dcmsend", "pynetdicom"}
    ours = [one for one in figures if one["peer"] == "ours"]
    assert all(one["value"] > 1 and one["ratio"] == 1 and one["instances"] == 40 for one in ours)


def test_load_is_not_sent_to_strangers(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        load.main(["--sink", "192.0.2.1:104"])

    assert ended.value.code == 2
    assert "a sink is named as 127.0.0.1:PORT" in capsys.readouterr().err


def test_too_few_instances_to_tell_from_start_up_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        load.main(["--instances", "40"])

    assert "at least twice the rounds times the associations" in capsys.readouterr().err


def test_many_associations_are_compared_with_each_other(tmp_path: Path) -> None:
    written = tmp_path / "associations.json"
    bench("associations", "--associations", "30", "--seconds", "1", "--output", str(written))

    figures = json.loads(written.read_text())
    assert figures["associations"] == 30
    assert figures["instances"] >= 30
    assert figures["slowest_over_median"] >= 1


def test_a_soak_says_drift_and_memory_a_window_at_a_time(tmp_path: Path) -> None:
    written = tmp_path / "soak.json"
    said = bench("soak", "--seconds", "4", "--rate", "20", "--associations", "2", "--output", str(written))

    figures = json.loads(written.read_text())
    assert figures["finished"] is True
    assert figures["offered_instances_per_second"] <= 20
    assert len(figures["windows"]) == 20
    assert {"rate_drift", "rss_growth", "largest_rate_deviation"} <= figures.keys()
    assert said.count("; drift ") == 20
