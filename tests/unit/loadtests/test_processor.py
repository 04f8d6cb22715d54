"""Processor time by component."""

import time

import pytest

from loadtests import processor


def test_own_work_is_the_generators_and_part_of_the_machines() -> None:
    before = processor.seconds()
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    after = processor.seconds()

    assert after["generator"] - before["generator"] >= 0.09
    assert after["machine"] - before["machine"] >= 0.05  # it is counted in ticks of 10 ms


def test_what_the_machine_did_besides_is_others() -> None:
    used = processor.per_instance(
        {"orthanc": 1.0, "generator": 0.0, "machine": 10.0},
        {"orthanc": 1.5, "generator": 0.1, "machine": 11.0, "haproxy": 0.2},
        100,
    )

    assert used == pytest.approx({"orthanc": 5.0, "generator": 1.0, "haproxy": 2.0, "others": 2.0})


def test_only_the_environments_components_are_said_to_have_been_used() -> None:
    before = {"orthanc": 1.0, "generator": 0.0, "machine": 10.0}
    after = {"orthanc": 1.5, "seaweedfs": 0.25, "generator": 0.1, "machine": 11.0}

    assert processor.used(before, after) == {"orthanc": 0.5, "seaweedfs": 0.25}
