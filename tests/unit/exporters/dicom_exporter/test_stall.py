"""When answers count as stalled: the times of real peers are in tests/integration/exporters/test_stall.py."""

import asyncio
from collections.abc import Sequence

import pytest

from exporters.dicom_exporter.prober import stall


def judged(times: Sequence[float], connect: float = 0.0002) -> tuple[bool, int]:
    """The verdict on echoes that take these times (seconds), and how many were sent."""
    rest = iter(times[1:])
    sent = 1

    async def echo() -> float:
        nonlocal sent
        sent += 1
        return next(rest)

    return asyncio.run(stall.suspected(connect, times[0], echo)), sent


def test_five_answers_on_the_plateau_are_suspected() -> None:
    assert judged([0.0417, 0.044, 0.048, 0.044, 0.0484]) == (True, 5)


@pytest.mark.parametrize("first", [0.0001, 0.03, 0.06, 2.0])
def test_after_one_answer_off_the_plateau_nothing_more_is_asked(first: float) -> None:
    assert judged([first]) == (False, 1)


def test_one_answer_off_the_plateau_is_no_stall() -> None:
    assert judged([0.044, 0.044, 0.044, 0.044, 0.002]) == (False, 5)
    assert judged([0.044, 0.044, 0.07]) == (False, 3)


def test_a_target_as_far_away_as_the_plateau_is_not_suspected() -> None:
    assert judged([0.044] * 5, connect=0.044) == (False, 1)
