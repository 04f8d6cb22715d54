"""The ledger: what it says after any kind of end."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from loadtests import ledger
from loadtests.ledger import Conclusion, Ledger, LedgerError, State
from loadtests.profiles import catalogue
from loadtests.profiles.instance import Instance
from loadtests.profiles.study import Study


@pytest.fixture(scope="module")
def instances() -> list[Instance]:
    return list(Study(catalogue.profile("mr", 1), "run", 1, 12, datetime.now(UTC)).instances())


def acknowledged(instance: Instance) -> Conclusion:
    return Conclusion(instance.sop_instance_uid, State.ACKNOWLEDGED, "0x0000", 0.01)


def states(path: Path) -> list[State]:
    return [entry.state for entry in ledger.read(path)[1]]


def test_what_was_concluded_is_read_back(tmp_path: Path, instances: list[Instance]) -> None:
    book = Ledger(tmp_path / "ledger.jsonl", {"campaign": "x"})
    book.announce("C-STORE", instances[:3])
    book.conclude(
        [
            acknowledged(instances[0]),
            Conclusion(instances[1].sop_instance_uid, State.REFUSED, "status 0xA700", 0.2),
            Conclusion(instances[2].sop_instance_uid, State.UNKNOWN, "timed out", 30),
        ]
    )
    book.close()

    header, entries = ledger.read(book.path)
    assert header["campaign"] == "x"
    assert [(one.state, one.status) for one in entries] == [
        (State.ACKNOWLEDGED, "0x0000"),
        (State.REFUSED, "status 0xA700"),
        (State.UNKNOWN, "timed out"),
    ]
    assert entries[0].pixel_sha256 == instances[0].pixel_sha256
    assert entries[0].series_uid == instances[0].series_uid


def test_an_announced_instance_without_an_answer_is_unknown(tmp_path: Path, instances: list[Instance]) -> None:
    book = Ledger(tmp_path / "ledger.jsonl", {})
    book.announce("STOW-RS", instances[:2])
    book.conclude([acknowledged(instances[0])])
    book.close()

    assert states(book.path) == [State.ACKNOWLEDGED, State.UNKNOWN]


def test_an_acknowledgement_stays_whatever_comes_later(tmp_path: Path, instances: list[Instance]) -> None:
    book = Ledger(tmp_path / "ledger.jsonl", {})
    book.announce("C-STORE", instances[:1])
    book.conclude([acknowledged(instances[0])])
    book.announce("C-STORE", instances[:1])
    book.conclude([Conclusion(instances[0].sop_instance_uid, State.UNKNOWN, "timed out", 30)])
    book.close()

    assert states(book.path) == [State.ACKNOWLEDGED]


def test_a_refusal_does_not_undo_an_earlier_doubt(tmp_path: Path, instances: list[Instance]) -> None:
    book = Ledger(tmp_path / "ledger.jsonl", {})
    for one, earlier in zip(instances[:3], (State.UNKNOWN, State.REFUSED, None), strict=True):
        book.announce("C-STORE", [one])
        if earlier:
            book.conclude([Conclusion(one.sop_instance_uid, earlier, "before", 1)])
        book.announce("C-STORE", [one])
        book.conclude([Conclusion(one.sop_instance_uid, State.REFUSED, "0xA700", 1)])
    book.close()

    assert states(book.path) == [State.UNKNOWN, State.REFUSED, State.UNKNOWN]


def test_ledgers_of_several_workers_are_one(tmp_path: Path, instances: list[Instance]) -> None:
    ways = [State.ACKNOWLEDGED, State.REFUSED, State.UNKNOWN]
    pairs = [(first, second) for first in ways for second in ways]
    for worker in (0, 1):
        book = Ledger(tmp_path / f"ledger-{worker}.jsonl", {"run": "x", "worker": worker})
        book.announce("C-STORE", instances[: len(pairs)])
        book.conclude(
            Conclusion(one.sop_instance_uid, pair[worker], "", 1) for one, pair in zip(instances, pairs, strict=False)
        )
        book.close()

    header, entries = ledger.read(tmp_path)

    assert header["worker"] == 0
    found = [entry.state for entry in entries]
    assert found == [State.ACKNOWLEDGED] * 4 + [State.REFUSED, State.UNKNOWN, State.ACKNOWLEDGED] + [State.UNKNOWN] * 2
    assert ledger.read(tmp_path / "ledger-0.jsonl", tmp_path / "ledger-1.jsonl") == (header, entries)


def test_ledgers_of_two_runs_are_not_one(tmp_path: Path) -> None:
    for run in "ab":
        Ledger(tmp_path / f"ledger-{run}.jsonl", {"run": run}).close()

    with pytest.raises(LedgerError, match=r"ledger-b\.jsonl: of run b, the others are of a"):
        ledger.read(tmp_path)


def test_a_folder_without_a_ledger_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="the folder holds no ledger"):
        ledger.read(tmp_path)


def test_a_torn_last_line_is_passed_over(tmp_path: Path, instances: list[Instance]) -> None:
    book = Ledger(tmp_path / "ledger.jsonl", {})
    book.announce("C-STORE", instances[:1])
    book.conclude([acknowledged(instances[0])])
    book.close()
    whole = book.path.read_bytes()

    for cut in range(len(whole) - 1, whole.rindex(b"\n", 0, -1), -1):
        book.path.write_bytes(whole[:cut])
        assert states(book.path) == [State.UNKNOWN]


def test_a_damaged_line_within_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    Ledger(path, {}).close()
    with path.open("ab") as file:
        file.write(b'{"state":"sending"\n{"state":"acknowledged"}\n')

    with pytest.raises(LedgerError, match=r"ledger\.jsonl, line 2: no record of a ledger"):
        ledger.read(path)


@pytest.mark.parametrize("content", [b"", b"[]\n", b'{"campaign":"x"}\n', b"\xff\xfe\n"])
def test_another_file_is_no_ledger(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(content)

    with pytest.raises(LedgerError, match=r"no (ledger|record of a ledger)"):
        ledger.read(path)


def test_a_ledger_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text(json.dumps({"ledger": 2}) + "\n")

    with pytest.raises(LedgerError, match="version 2 of the ledger's form; 1 is read here"):
        ledger.read(path)


def test_a_ledger_is_never_written_over(tmp_path: Path) -> None:
    Ledger(tmp_path / "ledger.jsonl", {}).close()

    with pytest.raises(LedgerError, match="exists: a ledger is never written over"):
        Ledger(tmp_path / "ledger.jsonl", {})


def test_conclude_returns_only_after_the_disk_has_it(tmp_path: Path, instances: list[Instance]) -> None:
    synchronised: list[bytes] = []

    def watched(call: Callable[[int], None], file: int) -> None:
        call(file)
        synchronised.append((tmp_path / "ledger.jsonl").read_bytes())

    book = Ledger(tmp_path / "ledger.jsonl", {}, watched)
    book.announce("C-STORE", instances)
    for instance in instances:
        book.conclude([acknowledged(instance)])
        assert f'"uid":"{instance.sop_instance_uid}","status"'.encode() in synchronised[-1]
    book.close()


def test_waiting_for_the_disk_is_shared(tmp_path: Path, instances: list[Instance]) -> None:
    first_waits, go_on, calls = threading.Event(), threading.Event(), []

    def slow(call: Callable[[int], None], file: int) -> None:
        calls.append(file)
        if len(calls) == 2:  # the first conclusion's (the very first is the header's)
            first_waits.set()
            assert go_on.wait(30)
        call(file)

    book = Ledger(tmp_path / "ledger.jsonl", {}, slow)
    book.announce("C-STORE", instances)
    threads = [threading.Thread(target=book.conclude, args=([acknowledged(one)],)) for one in instances]
    threads[0].start()
    assert first_waits.wait(30)
    for thread in threads[1:]:
        thread.start()
    while book._written < 1 + 1 + len(instances):  # header, announcement, conclusions: all are written and wait
        threading.Event().wait(0.001)
    go_on.set()
    for thread in threads:
        thread.join(30)
    book.close()

    assert len(calls) == 3  # header, the first, and one for the eleven that came meanwhile
    assert states(book.path) == [State.ACKNOWLEDGED] * len(instances)


def test_a_disk_that_fails_ends_the_writing_for_good(tmp_path: Path, instances: list[Instance]) -> None:
    def failing(call: Callable[[int], None], file: int) -> None:
        if book_is_made:
            raise OSError(5, "Input/output error")
        call(file)

    book_is_made = False
    book = Ledger(tmp_path / "ledger.jsonl", {}, failing)
    book_is_made = True
    book.announce("C-STORE", instances[:1])

    with pytest.raises(LedgerError, match="can't be synchronised: Input/output error"):
        book.conclude([acknowledged(instances[0])])
    with pytest.raises(LedgerError, match="can't be synchronised"):
        book.announce("C-STORE", instances[1:2])
    book.close()


KILLED = """
import os, sys
from pathlib import Path
from datetime import UTC, datetime
from loadtests.ledger import Conclusion, Ledger, State
from loadtests.profiles import catalogue
from loadtests.profiles.study import Study
one, two = Study(catalogue.profile("mr", 1), "run", 1, 2, datetime.now(UTC)).instances()
book = Ledger(Path(sys.argv[1]), {})
book.announce("C-STORE", [one])
book.conclude([Conclusion(one.sop_instance_uid, State.ACKNOWLEDGED, "0x0000", 0.1)])
book.announce("C-STORE", [two])
os.kill(os.getpid(), 9)
"""


def test_after_the_generators_death_the_ledger_tells_the_truth(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"

    died = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)

    assert died.returncode == -9
    assert states(path) == [State.ACKNOWLEDGED, State.UNKNOWN]


def test_the_ledger_names_no_patient(tmp_path: Path, instances: list[Instance]) -> None:
    book = Ledger(tmp_path / "ledger.jsonl", {"pid": os.getpid()})
    book.announce("C-STORE", instances)
    book.close()

    assert "VNAOPS" not in book.path.read_text()
