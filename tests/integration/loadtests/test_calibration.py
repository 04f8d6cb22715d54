"""What the generator could send, measured for a moment."""

import subprocess
import sys

import pytest

from loadtests.calibration import calibrate


def test_a_calibration_says_what_was_sent_in_rates() -> None:
    done = calibrate(0.3, sizes=[10_000, 30_000], associations=2)

    assert done.instances_per_second > 0
    assert done.megabytes_per_second == pytest.approx(done.instances_per_second * 20_000 / 1e6, rel=0.05)
    assert done.processor_seconds_per_thousand > 0
    assert done.as_dict()["associations"] == 2


def test_processes_are_added_up() -> None:
    done = calibrate(0.3, sizes=[10_000], associations=3, processes=2)

    assert (done.associations, done.processes) == (6, 2)


def test_a_calibration_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs sizes"):
        calibrate(sizes=[])


FROM_GEVENT = """
from gevent import monkey
monkey.patch_all()
from loadtests.calibration import calibrate
print(calibrate(0.2, sizes=[10_000], associations=1).instances_per_second)
"""


def test_a_campaign_under_gevent_can_calibrate() -> None:
    ran = subprocess.run([sys.executable, "-c", FROM_GEVENT], capture_output=True, text=True, timeout=60, check=True)

    assert float(ran.stdout) > 0
