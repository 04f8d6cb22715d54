"""Streams while they run, on the real clock but for a few tenths of a second."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.campaigns.arrivals import Arrival
from loadtests.campaigns.plan import Plan
from loadtests.campaigns.streams import Stream, allot, shares, streams


def plan(seconds: float = 0.5, shape: dict[str, Any] | None = None, **stream: Any) -> Plan:
    return Plan.model_validate(
        {
            "name": "own",
            "title": "A campaign of our own",
            "shape": shape or {"kind": "steady", "seconds": seconds},
            "streams": [{"behaviour": "modality", **stream}],
        }
    )


def only(plan: Plan) -> Stream:
    (stream,) = streams(plan).values()
    return stream


def run(stream: Stream, session: Any = lambda _: None) -> list[Arrival]:
    """All users of a stream to their end."""
    found: list[Arrival] = []

    def user() -> None:
        for arrival in stream.arrivals():
            found.append(arrival)
            session(arrival)

    with ThreadPoolExecutor(stream.share.users) as pool:
        users = [pool.submit(user) for _ in range(stream.share.users)]
        stream.begin(time.monotonic())
        for one in users:
            one.result(30)
    return found


@given(st.integers(1, 200), st.integers(1, 20), st.integers(0, 40))
def test_shares_are_all_of_it_and_no_more(users: int, workers: int, first: int) -> None:
    found = [share for share in shares(users, workers, first) if share]

    assert sum(share.users for share in found) == users
    assert sorted(share.part for share in found) == list(range(len(found)))
    assert {share.parts for share in found} == {len(found)}
    assert max(share.users for share in found) - min(share.users for share in found) <= 1


@given(st.integers(1, 12), st.integers(1, 40), st.integers(1, 300))
def test_every_arrival_belongs_to_exactly_one_worker(workers: int, users: int, arrivals: int) -> None:
    parts = [share for share in shares(users, workers) if share]
    taken = Counter(number for number in range(arrivals) for share in parts if number % share.parts == share.part)

    assert taken == Counter(range(arrivals))


def test_locusts_users_are_spread_as_the_arrivals_are() -> None:
    wanted = Plan.model_validate(
        {
            "name": "own",
            "title": "Two streams",
            "shape": {"kind": "steady", "seconds": 1},
            "streams": [
                {"behaviour": "modality", "users": 3},
                {"behaviour": "reading_room", "per_second": 1, "at_most": 1},
            ],
        }
    )

    assert allot(wanted, ["a", "b"]) == {
        "a": {"modality": 2, "reading-room": 0},
        "b": {"modality": 1, "reading-room": 1},
    }
    assert {name: stream.share.users for name, stream in streams(wanted, 1, 2).items()} == {
        "modality": 1,
        "reading-room": 1,
    }


def test_several_workers_take_each_arrival_of_an_open_stream_once() -> None:
    wanted = plan(seconds=0.3, per_second=200, at_most=6)
    parts = [only_of for worker in range(3) for only_of in streams(wanted, worker, 3).values()]
    with ThreadPoolExecutor(3) as pool:
        found = [arrival for some in pool.map(run, parts) for arrival in some]

    whole = run(only(wanted))
    assert sorted(one.number for one in found) == [one.number for one in sorted(whole, key=lambda one: one.number)]


def test_an_open_stream_begins_at_its_moments_and_not_when_users_are_free() -> None:
    stream, begun = only(plan(seconds=0.5, per_second=100, at_most=2, arrivals="regular")), time.monotonic()
    found = run(stream, lambda _: time.sleep(0.03))  # two users can do 67 of the 100

    lateness = [one.intended - begun for one in found]
    assert lateness == sorted(lateness)
    assert [round(one.intended - found[0].intended, 4) for one in found[:4]] == [0, 0.01, 0.02, 0.03]
    assert len(found) == stream.offered(time.monotonic()) == 50  # those that are late at the end begin too
    assert time.monotonic() - begun > 0.7


def test_an_open_stream_is_on_time_to_the_millisecond_where_users_are_free() -> None:
    late: list[float] = []
    run(
        only(plan(seconds=0.5, per_second=100, at_most=8)),
        lambda arrival: late.append(time.monotonic() - arrival.intended),
    )

    assert min(late) >= 0
    assert sorted(late)[len(late) // 2] < 0.005  # the machine is shared; alone it is 0.1 ms


def test_a_closed_stream_begins_as_soon_as_the_last_session_has_ended() -> None:
    stream = only(plan(seconds=10, users=2, sessions=7))
    found = run(stream)

    assert sorted(one.number for one in found) == list(range(7))
    assert stream.finished
    assert (stream.begun_sessions, stream.ended_sessions, stream.in_flight) == (7, 7, 0)


def test_closed_users_follow_the_shape_by_pausing() -> None:
    shape = {"kind": "spike", "seconds": 0.9, "peak": 3, "at_seconds": 0.3, "for_seconds": 0.3}
    at_work, most = Counter[int](), Counter[int]()
    lock, begun = threading.Lock(), time.monotonic()

    def session(_: Arrival) -> None:
        third = int((time.monotonic() - begun) / 0.3)
        with lock:
            at_work[0] += 1
            most[third] = max(most[third], at_work[0])
        time.sleep(0.01)
        with lock:
            at_work[0] -= 1

    run(only(plan(shape=shape, users=1)), session)

    assert most[0] == 1
    assert most[1] == 3


def test_a_factor_multiplies_users_and_rates() -> None:
    closed = plan(users=2).with_factor(2.5)
    opened = plan(seconds=1, per_second=100, arrivals="regular").with_factor(0.5)

    assert only(closed).share.users == 5
    assert len(run(only(opened))) == 50


def test_sessions_that_are_late_when_the_end_is_called_do_not_begin() -> None:
    stream = only(plan(seconds=0.2, per_second=100, at_most=1, arrivals="regular"))
    ended = threading.Timer(0.3, stream.end)
    ended.start()
    found = run(stream, lambda _: time.sleep(0.05))
    ended.join()

    assert len(found) < 20 == stream.offered(time.monotonic())


def test_the_end_reaches_users_that_wait() -> None:
    stream = only(plan(seconds=3600, per_hour=1, at_most=3))
    ended = threading.Timer(0.1, stream.end)
    ended.start()

    assert run(stream) == []
    ended.join()


def test_a_limit_ends_what_the_shape_would_still_do() -> None:
    stream, begun = only(plan(seconds=3600, users=1).with_limit(0.2)), time.monotonic()
    run(stream, lambda _: time.sleep(0.01))

    assert 0.2 <= time.monotonic() - begun < 5


def test_a_pace_holds_all_users_together_to_its_bytes() -> None:
    stream = only(plan(seconds=10, users=4, sessions=20, megabytes_per_second=10))
    begun, moments = time.monotonic(), []
    run(stream, lambda _: moments.append(stream.pace(200_000) - begun))

    assert sorted(moments) == pytest.approx([number * 0.02 for number in range(20)], abs=0.01)
    assert time.monotonic() - begun >= 0.38


def test_without_a_pace_bytes_begin_at_once() -> None:
    stream = only(plan(users=1))
    before = time.monotonic()

    assert before <= stream.pace(10**9) <= time.monotonic()


def test_what_is_due_is_told_while_users_wait_for_what_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtests.campaigns.arrivals.CHUNK", 4)  # twelve users hold numbers of the chunks to come
    stream = only(plan(1.0, per_second=20, at_most=12, arrivals="regular"))
    ahead: list[int] = []
    run(stream, lambda arrival: ahead.append(stream.offered(arrival.intended + 0.01) - stream.begun_sessions))

    assert len(ahead) == 20
    assert max(ahead) <= 3  # they were up to twelve: a campaign of steps then found its knee where there was none
