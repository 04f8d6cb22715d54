"""What workers append, copied."""

from pathlib import Path

import pytest

from loadtests.campaigns.copies import Copies
from loadtests.campaigns.tail import PIECE, Tail
from loadtests.raw import RawWriter
from loadtests.transactions import Outcome, Transaction


def one(second: float) -> Transaction:
    return Transaction("store", "C-STORE", second, second, second + 0.01, 1, 100, Outcome.OK)


def test_what_a_worker_appends_is_in_the_copy_and_counted(tmp_path: Path) -> None:
    (tmp_path / "worker").mkdir()
    (tmp_path / "master").mkdir()
    counted: list[Transaction] = []
    copies = Copies(tmp_path / "master", counted.extend)
    path = tmp_path / "worker" / "transactions-0.csv.zst"
    with RawWriter(path, {"worker": "0"}) as writer:
        tail = Tail(path)
        for second in range(50):
            writer.add(one(second))
            if second % 10 == 0:
                writer.flush()
            for offset, piece in tail.pieces():
                copies.append(path.name, offset, piece)
    for offset, piece in tail.pieces():
        copies.append(path.name, offset, piece)
    copies.close()

    assert (tmp_path / "master" / path.name).read_bytes() == path.read_bytes()
    assert [round(each.started) for each in counted] == list(range(50))


def test_a_tail_gives_each_byte_once_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "ledger-0.jsonl"
    path.write_bytes(bytes(PIECE + 10))
    tail = Tail(path)

    assert [(offset, len(piece)) for offset, piece in tail.pieces()] == [(0, PIECE), (PIECE, 10)]
    assert list(tail.pieces()) == []


def test_a_piece_that_was_lost_is_not_passed_over(tmp_path: Path) -> None:
    copies = Copies(tmp_path, lambda _: None)
    copies.append("ledger-0.jsonl", 0, b"abc")

    with pytest.raises(OSError, match="a piece at 5 came behind 3 bytes: one before it was lost"):
        copies.append("ledger-0.jsonl", 5, b"def")
    copies.close()


@pytest.mark.parametrize("name", ["../ledger-0.jsonl", "/ledger-0.jsonl", "..", "plan.yaml"])
def test_a_worker_writes_nowhere_else(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    copies = Copies(tmp_path / "folder", lambda _: None)

    with pytest.raises(OSError, match="is no name of a worker's file"):
        copies.append(name, 0, b"x")
    assert list(tmp_path.rglob("*.jsonl")) == []
    copies.close()


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "ledger-0.jsonl").write_text("mine")
    copies = Copies(tmp_path, lambda _: None)

    with pytest.raises(FileExistsError):
        copies.append("ledger-0.jsonl", 0, b"x")
    copies.close()
