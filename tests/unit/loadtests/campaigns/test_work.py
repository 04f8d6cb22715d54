"""Handing out work."""

import threading

from loadtests.campaigns import plan as plans
from loadtests.campaigns.work import StoredStudy, Work, studies

PLAN = plans.load("first")


def test_kinds_of_studies_take_turns_and_none_is_lost() -> None:
    made = studies(PLAN, "run")

    assert [study.profile.name for study in made[:4]] == ["ct", "mr", "us", "ct"]
    assert len(made) == sum(kind.count for kind in PLAN.studies)
    assert len({study.uid for study in made}) == len(made)


def test_each_stored_study_goes_to_one_reader_of_each_kind() -> None:
    made = studies(PLAN, "run")
    work = Work(made, ("c_get", "wado_rs"))
    got: dict[str, list[StoredStudy]] = {"c_get": [], "wado_rs": []}
    lock = threading.Lock()

    def read(kind: str) -> None:
        for one in work.studies_to_retrieve(kind):
            with lock:
                got[kind].append(one)

    readers = [threading.Thread(target=read, args=(kind,)) for kind in ("c_get", "c_get", "wado_rs")]
    for thread in readers:
        thread.start()
    for study in work.studies_to_store():
        work.has_stored(study, {})
    for thread in readers:
        thread.join(30)

    assert not any(thread.is_alive() for thread in readers)
    for kind in got:
        assert sorted(one.study.number for one in got[kind]) == [study.number for study in made]
    assert work.retrieved == work.to_retrieve == 2 * len(made)


def test_stopping_lets_readers_go_that_wait() -> None:
    work = Work(studies(PLAN, "run"), ("c_get",))
    reader = threading.Thread(target=lambda: list(work.studies_to_retrieve("c_get")))
    reader.start()

    work.stop()
    reader.join(30)

    assert not reader.is_alive()
    assert list(work.studies_to_store()) == []
