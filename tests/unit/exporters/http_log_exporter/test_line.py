"""What is a line, what it says, and that nothing else passes for one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.http_log_exporter.line import LONGEST, LineError, Transaction, parse
from tests.unit.exporters.http_log_exporter.lines import FIELDS, line


def test_a_line_is_a_transaction_in_seconds_and_bytes() -> None:
    assert parse(line()) == Transaction(
        operation="wado-rs-frames",
        backend="http_readers",
        status_class="2xx",
        seconds=0.25,
        first_byte_seconds=0.04,
        received_bytes=310,
        sent_bytes=526000,
    )


def test_its_end_of_line_may_be_missing() -> None:
    assert parse(line().rstrip()) == parse(line())


def test_what_the_front_door_answers_itself_has_no_first_byte_of_a_server() -> None:
    denied = parse(
        line(status="401", backend="https", server="<NOSRV>", queue_ms="-1", connect_ms="-1", response_ms="-1")
    )
    assert (denied.status_class, denied.first_byte_seconds) == ("4xx", None)


def test_a_client_that_left_before_any_answer_has_the_status_class_none() -> None:
    assert parse(line(status="-1", response_ms="-1", end="CD")).status_class == "none"


WRONG = {
    "an empty datagram": b"",
    "another frontend's line": b"dicom " + line()[5:],
    "a key that is missing": line().replace(b" end=--", b""),
    "a key too many": line().rstrip() + b" path=/dicom-web/studies/1.2.3\n",
    "two lines": line() + line(),
    "keys in another order": line().replace(b"method=GET status=200", b"status=200 method=GET"),
    "a time with a fraction": line(total_ms="1.5"),
    "a negative count": line(sent_bytes="-1"),
    "a status that is none": line(status="099"),
    "a number that is endless": line(total_ms="1" * 13),
    "a route with a slash": line(operation="/dicom-web/studies/1.2.840"),
    "a transaction without a duration": line(total_ms="-1"),
    "letters beyond ASCII": line(server="archiv-ä"),
    "digits beyond ASCII": line(total_ms="٣"),
    "more than HAProxy sends": line(end="-" * LONGEST),
}


@pytest.mark.parametrize("datagram", WRONG.values(), ids=WRONG.keys())
def test_anything_else_is_refused_without_being_repeated(datagram: bytes) -> None:
    with pytest.raises(LineError) as refused:
        parse(datagram)
    assert not re.search(r"1\.2|archiv", str(refused.value))


@given(st.binary(max_size=2 * LONGEST))
def test_no_datagram_breaks_the_parser(datagram: bytes) -> None:
    try:
        parse(datagram)
    except LineError:
        return
    assert datagram.startswith(b"http client=")


@given(st.integers(0, len(line()) - 1), st.binary(max_size=3))
def test_a_line_with_a_change_anywhere_is_refused_or_bounded(at: int, other: bytes) -> None:
    try:
        found = parse(line()[:at] + other + line()[at + 1 :])
    except LineError:
        return
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", found.operation)
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", found.backend)
    assert re.fullmatch(r"[1-5]xx|none", found.status_class)
    assert found.seconds >= 0
    assert found.received_bytes >= 0


TIMES = st.integers(0, 10**9)


@given(TIMES, TIMES, TIMES, TIMES, TIMES, st.integers(100, 599))
def test_times_add_up_whatever_they_are(
    request: int, queue: int, connect: int, response: int, total: int, status: int
) -> None:
    times = {
        "request_ms": request,
        "queue_ms": queue,
        "connect_ms": connect,
        "response_ms": response,
        "total_ms": total,
    }
    found = parse(line(status=str(status), **{key: str(value) for key, value in times.items()}))
    assert found.seconds == total / 1000
    assert found.first_byte_seconds == (request + queue + connect + response) / 1000
    assert found.status_class == f"{status // 100}xx"


@given(st.sampled_from(sorted({*FIELDS} - {"operation", "backend"})), st.from_regex(r"[0-9.]{20,60}", fullmatch=True))
def test_an_identifier_in_any_other_field_never_becomes_a_label(key: str, uid: str) -> None:
    try:
        found = parse(line(**{key: uid}))
    except LineError:
        return
    assert uid not in (found.operation, found.backend, found.status_class)
