"""Handing out work."""

import threading
from collections import Counter
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import numpy as np
import pytest

from loadtests.campaigns.plan import Plan
from loadtests.campaigns.streams import Stream, streams
from loadtests.campaigns.work import KEPT_STUDIES, StoredStudy, Work, turns

PLAN = Plan.model_validate(
    {
        "name": "own",
        "title": "A campaign of our own",
        "shape": {"kind": "steady", "seconds": 60},
        "streams": [
            {"name": "ct", "behaviour": "modality", "users": 2, "profiles": {"ct": 2, "mr": 1}, "instances": 3},
            {"name": "us", "behaviour": "modality", "users": 1, "profiles": {"us": 1}, "instances": 1},
            {"name": "readers", "behaviour": "retrieve", "users": 2},
            {"name": "web-readers", "behaviour": "retrieve", "protocol": "dicomweb", "users": 1},
        ],
    }
)
SERIES = {"1.2": {"1.2.3": "hash"}}


def work(worker: int = 0, workers: int = 1, **more: Any) -> Work:
    return Work(PLAN, "run", datetime.now(UTC), streams(PLAN, worker, workers), **more)


def leave(stream: Stream) -> None:
    """As if all users of this stream had come and gone."""
    stream.end()
    for _ in range(stream.share.users):
        assert list(stream.arrivals()) == []


def test_profiles_take_turns_as_their_weights_say() -> None:
    assert list(islice(turns({"ct": 2, "mr": 1}), 6)) == ["ct", "mr", "ct", "ct", "mr", "ct"]
    assert Counter(islice(turns({"a": 0.7, "b": 0.2, "c": 0.1}), 100)) == {"a": 70, "b": 20, "c": 10}


def test_studies_are_those_of_the_stream_and_no_two_are_the_same() -> None:
    here = work()
    ct = [here.next_study(here.streams["ct"]) for _ in range(6)]
    us = [here.next_study(here.streams["us"]) for _ in range(3)]

    assert [study.profile.name for study in ct if study] == ["ct", "mr", "ct", "ct", "mr", "ct"]
    assert [study.instance_count for study in ct + us if study] == [3] * 6 + [1] * 3
    assert len({study.uid for study in ct + us if study}) == 9


def test_several_workers_make_the_studies_of_one() -> None:
    alone = work()
    parts = [work(worker, 2) for worker in range(2)]
    whole = [alone.next_study(alone.streams["ct"]) for _ in range(6)]
    shared = [part.next_study(part.streams["ct"]) for _ in range(3) for part in parts]

    assert [study.uid for study in shared if study] == [study.uid for study in whole if study]
    assert [study.profile.name for study in shared if study] == [study.profile.name for study in whole if study]


def test_each_stored_study_goes_once_to_each_stream_that_retrieves() -> None:
    here = work()
    got: dict[str, list[StoredStudy]] = {"readers": [], "web-readers": []}
    lock = threading.Lock()

    def read(name: str) -> None:
        for one in here.each_stored(here.streams[name]):
            with lock:
                got[name].append(one)

    readers = [threading.Thread(target=read, args=(name,)) for name in ("readers", "readers", "web-readers")]
    for thread in readers:
        thread.start()
    made = [here.next_study(here.streams[name]) for name in ("ct", "us", "ct")]
    for study in made:
        assert study
        here.has_stored(study, SERIES)
    leave(here.streams["ct"])
    leave(here.streams["us"])
    for thread in readers:
        thread.join(30)

    assert not any(thread.is_alive() for thread in readers)
    for name in got:
        assert sorted(one.study.number for one in got[name]) == sorted(study.number for study in made if study)
    assert (here.stored, here.retrieved) == (3, 6)


def test_a_study_of_which_nothing_was_acknowledged_is_not_retrieved() -> None:
    here = work()
    study = here.next_study(here.streams["ct"])
    assert study
    here.has_stored(study, {})

    assert here.any_stored(np.random.default_rng(1)) is None
    assert here.stored == 1


def test_stopping_lets_readers_go_that_wait() -> None:
    here = work()
    reader = threading.Thread(target=lambda: list(here.each_stored(here.streams["readers"])))
    reader.start()

    here.stop()
    reader.join(30)

    assert not reader.is_alive()
    assert here.next_study(here.streams["ct"]) is None


def test_readers_wait_for_other_workers_until_they_say_that_no_more_comes() -> None:
    here = work(0, 2, elsewhere=True)
    leave(here.streams["ct"])
    reader = threading.Thread(target=lambda: list(here.each_stored(here.streams["readers"])))
    reader.start()
    reader.join(0.2)
    waited = reader.is_alive()

    here.no_more()
    reader.join(30)

    assert waited
    assert not reader.is_alive()


def test_studies_of_other_workers_are_told_on_and_shared_out() -> None:
    parts = [work(worker, 2, elsewhere=True) for worker in range(2)]
    told: list[StoredStudy] = []
    parts[0].on_stored = told.append
    for _ in range(4):
        study = parts[0].next_study(parts[0].streams["ct"])
        assert study
        parts[0].has_stored(study, SERIES)
    for one in told:
        again = parts[1].study(one.study.profile.name, one.study.number)
        parts[1].take_in(StoredStudy(again, one.series))
    for part in parts:
        part.no_more()

    got = [one.study.uid for part in parts for one in part.each_stored(part.streams["readers"])]
    assert sorted(got) == sorted(one.study.uid for one in told)


def test_any_stored_study_is_drawn_by_profile_and_old_ones_are_forgotten() -> None:
    here, random = work(), np.random.default_rng(1)
    for _ in range(KEPT_STUDIES + 50):
        study = here.next_study(here.streams["us"])
        assert study
        here.has_stored(study, SERIES)
    ct = here.next_study(here.streams["ct"])
    assert ct
    here.has_stored(ct, SERIES)

    drawn = {one.study.number for _ in range(2000) if (one := here.any_stored(random, ["us"]))}
    assert len(drawn) == KEPT_STUDIES
    assert here.any_stored(random, ["ct"]) == StoredStudy(ct, SERIES)
    assert here.any_stored(random, ["mr"]) is None


def test_a_stream_without_profiles_has_no_studies() -> None:
    here = work()

    with pytest.raises(ValueError, match="profiles cannot be empty"):
        here.next_study(here.streams["readers"])
