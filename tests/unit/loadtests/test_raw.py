"""Raw data: written in frames, read back as they were, as far as they go."""

import json
import os
import threading
import time
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests import raw
from loadtests.analysis.columns import Columns
from loadtests.raw import RawError, RawStream, RawWriter
from loadtests.transactions import Outcome, Transaction

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r\n"), max_size=20)
TIMES = st.floats(-1e6, 1e6).map(lambda one: round(one, 6))
TRANSACTIONS = st.builds(
    Transaction,
    stream=WORDS,
    operation=WORDS,
    intended=TIMES,
    started=TIMES,
    end=TIMES,
    instances=st.integers(0, 10_000),
    size=st.integers(0, 2**45),
    outcome=st.sampled_from(Outcome),
    error=WORDS,
    status=WORDS,
    worker=st.just("w"),
)


def one(end: float, stream: str = "scanners") -> Transaction:
    return Transaction(stream, "C-STORE", end - 1, end - 0.5, end, 1, 525_000, Outcome.OK, "", "0x0000", "w")


def write(path: Path, transactions: list[Transaction], *, frame: int = 0, **header: str) -> Path:
    with RawWriter(path, {"worker": "w", **header}) as writer:
        for number, transaction in enumerate(transactions, 1):
            writer.add(transaction)
            if frame and number % frame == 0:
                writer.flush()
    return path


def rows(columns: Columns) -> list[tuple[object, ...]]:
    labels = (columns.stream, columns.operation, columns.outcome, columns.error, columns.status, columns.worker)
    words = [[label.names[code] for code in label.codes] for label in labels]
    numbers = (columns.intended, columns.started, columns.end, columns.instances, columns.size)
    return list(zip(*words, *(column.tolist() for column in numbers), strict=True))


@settings(max_examples=60, deadline=None)
@given(st.lists(TRANSACTIONS, max_size=30), st.integers(0, 7))
def test_what_is_read_is_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, transactions: list[Transaction], frame: int
) -> None:
    file = write(tmp_path_factory.mktemp("raw") / "t.csv.zst", transactions, frame=frame)

    assert rows(raw.read([file])) == rows(
        Columns.joined([Columns.of(transactions)]) if transactions else Columns.of([])
    )


@settings(max_examples=30, deadline=None)
@given(st.lists(TRANSACTIONS, max_size=20), st.integers(1, 5), st.integers(1, 200))
def test_a_stream_cut_anywhere_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, transactions: list[Transaction], frame: int, cut: int
) -> None:
    data = write(tmp_path_factory.mktemp("raw") / "t.csv.zst", transactions, frame=frame).read_bytes()
    stream = RawStream()

    assert [got for at in range(0, len(data), cut) for got in stream.feed(data[at : at + cut])] == transactions


@pytest.mark.parametrize("lost", range(1, 60, 7))
def test_a_torn_last_frame_costs_no_more_than_itself(tmp_path: Path, lost: int) -> None:
    file = write(tmp_path / "t.csv.zst", [one(float(n)) for n in range(1, 31)], frame=10)
    os.truncate(file, file.stat().st_size - lost)

    assert 20 <= len(raw.read([file])) <= 30


def test_what_was_added_is_in_the_file_within_a_second_without_any_further_call(tmp_path: Path) -> None:
    with RawWriter(tmp_path / "t.csv.zst", {}) as writer:
        writer.add(one(1.0))
        begun = time.monotonic()
        pause = threading.Event()
        while not len(raw.read([writer.path])) and time.monotonic() < begun + 30:
            pause.wait(0.02)

        assert len(raw.read([writer.path])) == 1


def test_it_is_what_zstd_and_a_csv_reader_understand(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv.zst", [one(2.0), one(3.0)], frame=1, campaign="first")
    with zstandard.open(file, "rt", newline="") as text:
        lines = text.read().splitlines()

    assert json.loads(lines[0][1:]) == {"transactions": 1, "worker": "w", "campaign": "first"}
    assert lines[1] == "stream,operation,intended,started,end,instances,size,outcome,error,status"
    assert lines[2] == "scanners,C-STORE,1.000000,1.500000,2.000000,1,525000,ok,,0x0000"
    assert raw.header(file)["campaign"] == "first"


def test_files_that_began_at_different_moments_are_put_on_one_clock(tmp_path: Path) -> None:
    early = write(tmp_path / "a", [one(5.0, "early")], started="2026-01-02T03:04:05.000+00:00")
    late = write(tmp_path / "b", [one(1.0, "late")], started="2026-01-02T03:04:15.500+00:00")

    found = raw.read([late, early])

    assert found.end.tolist() == pytest.approx([5.0, 11.5])
    assert [found.stream.names[code] for code in found.stream.codes] == ["early", "late"]


def test_nothing_to_read_is_no_row() -> None:
    assert len(raw.read([])) == 0


def test_raw_data_are_never_written_over(tmp_path: Path) -> None:
    file = write(tmp_path / "t", [])

    with pytest.raises(RawError, match="exists: raw data are never written over"):
        RawWriter(file, {})


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(RawError, match="can't be made: No such file or directory"):
        RawWriter(tmp_path / "none" / "t", {})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file or directory"),
        (b"hello\n", "Unknown frame descriptor"),
        (zstandard.compress(b"a,b\n1,2\n"), "no raw data: it begins with 'a,b"),
        (zstandard.compress(b'#{"transactions": 9}\n'), "version 9 of the raw data's form; 1 is read here"),
        (zstandard.compress(b'#{"transactions": 1}\na,b\n'), "line 2: the columns are a, b"),
        (
            zstandard.compress(b'#{"transactions": 1}\n' + ",".join(raw.FIELDS).encode() + b"\na,b,c,d,e,f,g,h,i,j\n"),
            "line 3: no transaction",
        ),
        (b"", "no raw data: it begins with ''"),
    ],
)
def test_what_is_no_raw_data_is_refused_with_the_place(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "t.csv.zst"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(RawError) as refused:
        raw.read([file])
    assert str(refused.value).startswith(f"{file}")
    assert said in str(refused.value)


def test_a_row_is_a_line_whatever_a_peer_has_said(tmp_path: Path) -> None:
    said = Transaction("s", "WADO-RS", 0, 0, 1, 0, 0, Outcome.FAILED, 'HTTP 500\r\n"x", y', "", "w")
    file = write(tmp_path / "t.csv.zst", [said, one(2.0)])

    assert raw.read([file]).error.names == ('HTTP 500 "x", y', "")


def test_damage_in_the_middle_is_said_and_not_passed_over(tmp_path: Path) -> None:
    file = write(tmp_path / "t.csv.zst", [one(float(n)) for n in range(1, 3001)], frame=1000)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(data)

    with pytest.raises(RawError, match=r"damaged|no transaction"):
        raw.read([file])
