"""multipart/related in pieces of any size."""

from collections.abc import Iterator
from itertools import pairwise, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests import multipart
from loadtests.multipart import DicomWebError


def contents(content_type: str, pieces: list[bytes]) -> list[bytes]:
    return [b"".join(part.pieces) for part in multipart.parts(content_type, pieces)]


def cut(body: bytes, places: list[float]) -> list[bytes]:
    at = [0, *sorted(int(place * len(body)) for place in places), len(body)]
    return [body[start:end] for start, end in pairwise(at)]


@pytest.mark.parametrize("quoted", ['"b/1"', "b/1"])
def test_parts_are_found_with_and_without_headers_and_a_preamble(quoted: str) -> None:
    body = b"preamble\r\n--b/1\r\nContent-Type: x\r\n\r\none\r\n--b/1\r\n\r\n\r\ntwo\r\n\r\n--b/1--\r\nepilogue"

    assert contents(f"Multipart/Related; boundary={quoted}; type=x", [body]) == [b"one", b"\r\ntwo\r\n"]


def test_headers_come_by_their_names_in_lower_case() -> None:
    body = b"--b\r\nContent-Type: image/jpeg; a=b\r\nContent-Location: http://x:80/y\r\n\r\n.\r\n--b--"

    (part,) = multipart.parts("multipart/related; boundary=b", [body])

    assert part.headers == {"content-type": "image/jpeg; a=b", "content-location": "http://x:80/y"}


def test_a_part_that_is_not_read_is_passed_over() -> None:
    body = b"--b\r\n\r\n" + bytes(500_000) + b"\r\n--b\r\nX: 2\r\n\r\n.\r\n--b--"

    assert [part.headers for part in multipart.parts("multipart/related; boundary=b", [body])] == [{}, {"x": "2"}]


# contents that look like boundaries, or their beginnings
LOOKALIKES = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\n-", b"\r\n--", b"\r\n--bou", b"--bound", b"--", b"x", b"\0" * 50]),
    max_size=12,
).map(b"".join)


@given(st.lists(LOOKALIKES, max_size=5), st.lists(st.floats(0, 1), max_size=30))
def test_every_part_comes_whole_however_the_body_is_cut(made: list[bytes], places: list[float]) -> None:
    body = b"".join(b"--boundary\r\nContent-Type: x\r\n\r\n" + part + b"\r\n" for part in made) + b"--boundary--\r\n"

    assert contents("multipart/related; boundary=boundary", cut(body, places)) == made


@given(st.binary(max_size=400), st.lists(st.floats(0, 1), max_size=10))
def test_garbage_is_refused(garbage: bytes, places: list[float]) -> None:
    with pytest.raises(DicomWebError):
        contents("multipart/related; boundary=boundary", cut(garbage, places))


@given(st.lists(LOOKALIKES, min_size=1, max_size=3), st.floats(0, 1, exclude_max=True))
def test_a_body_that_is_cut_is_refused(made: list[bytes], place: float) -> None:
    body = b"".join(b"--boundary\r\n\r\n" + part + b"\r\n" for part in made) + b"--boundary--"

    with pytest.raises(DicomWebError, match="ends before its last boundary"):
        contents("multipart/related; boundary=boundary", [body[: int(place * len(body))]])


@pytest.mark.parametrize("content_type", ["", "application/dicom", "multipart/related; type=x"])
def test_another_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(DicomWebError, match="not multipart/related"):
        contents(content_type, [b"--b--"])


def endless(start: bytes) -> Iterator[bytes]:
    yield start
    yield from repeat(bytes(1 << 16))


@pytest.mark.parametrize(
    ("start", "why"),
    [
        (b"", "a part of the answer has more than 65536 bytes"),
        (b"--b\r\nContent-Type: x", "headers of a part have more than 65536 bytes"),
        (b"--b\r\n\r\n", "a part of the answer has more than 1000000 bytes"),
    ],
)
def test_what_never_ends_is_refused(start: bytes, why: str) -> None:
    with pytest.raises(DicomWebError, match=why):
        list(multipart.parts("multipart/related; boundary=b", endless(start), part_limit=1_000_000))


def test_endless_parts_pass_one_by_one_in_bounded_memory() -> None:
    body = repeat(b"--b\r\n\r\n" + b"x" * 1000 + b"\r\n")
    parts = multipart.parts("multipart/related; boundary=b", body)

    assert [sum(map(len, next(parts).pieces)) for _ in range(10_000)] == [1000] * 10_000
