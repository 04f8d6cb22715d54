"""How much a campaign will store: known of a finite one, expected of one that lasts its time."""

import math
from datetime import UTC, datetime

from loadtests.campaigns.plan import ONE_INSTANCE, STORING, Plan, StreamPlan
from loadtests.campaigns.work import turns
from loadtests.profiles.catalogue import profile
from loadtests.profiles.study import Study

SAMPLED = 40  # studies whose mean stands for the rest
LINE_BYTES_PER_SECOND = 125e6
"""What closed users without an end or a pace are taken for, all together: as fast as a line of 1 Gbit/s carries it."""


def expected_bytes(plan: Plan, run: str) -> float:
    """What all streams store within the campaign's time at most, in bytes of data sets."""
    storing = [stream for stream in plan.streams if stream.behaviour in STORING and stream.profiles]
    bounded = [size for stream in storing if (size := _stream_bytes(plan, stream, run)) is not None]
    unbounded = len(storing) - len(bounded)
    return sum(bounded) + (LINE_BYTES_PER_SECOND * plan.seconds if unbounded else 0)


def _stream_bytes(plan: Plan, stream: StreamPlan, run: str) -> float | None:
    """None: as much as goes."""
    area = plan.shape.curve().integral(plan.seconds) * plan.factor
    sessions = math.inf if stream.sessions is None else float(stream.sessions)
    if stream.rate is not None:
        sessions = min(sessions, stream.rate * area)
    by_pace = math.inf if stream.megabytes_per_second is None else stream.megabytes_per_second * 1e6 * area
    by_sessions = math.inf if sessions == math.inf else sessions * _mean(plan, stream, run, sessions)
    size = min(by_pace, by_sessions)
    return None if size == math.inf else size


def _mean(plan: Plan, stream: StreamPlan, run: str, sessions: float) -> float:
    """Bytes of a session, over the first ones."""
    count = max(1, min(SAMPLED, math.ceil(sessions)))
    today, kinds, total = datetime.now(UTC), turns(stream.profiles), 0.0
    for number in range(count):
        study = Study(profile(next(kinds), plan.seed), run, 1 + number, stream.instances, today, plan.seed)
        size = study.bytes_estimate()
        total += size / study.instance_count if stream.behaviour == ONE_INSTANCE else size
    return total / count
