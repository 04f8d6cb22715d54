"""multipart/related: what is sent can be read, and what is none is refused."""

import pytest

from exporters.dicom_exporter import multipart
from exporters.dicom_exporter.outcome import ProbeError

TYPE = 'multipart/related; type="application/dicom"; boundary=b'


def test_what_one_part_makes_is_read_back_whatever_it_holds() -> None:
    content = bytes(range(256)) + b"\r\n--\r\n\r\n"

    assert multipart.parts(*multipart.one_part(content)) == [content]


@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\nContent-Type: x\r\n\r\none\r\n--b\r\nA: 1\r\nB: 2\r\n\r\ntwo\r\n--b--",
        b"preamble\r\n--b \r\n\r\none\r\n--b\r\n\r\ntwo\r\n--b--\r\nepilogue",
    ],
)
def test_parts_come_in_their_order_without_their_headers(body: bytes) -> None:
    assert multipart.parts(TYPE, body) == [b"one", b"two"]
    assert multipart.parts(TYPE.replace("=b", '="b"'), body) == [b"one", b"two"]


@pytest.mark.parametrize(
    ("content_type", "body", "said"),
    [
        ("application/dicom", b"", "the answer is not multipart/related with a boundary"),
        ("multipart/related", b"", "the answer is not multipart/related with a boundary"),
        (TYPE, b"--b\r\n\r\none", "the multipart answer ends before its last boundary"),
        (TYPE, b"", "the multipart answer ends before its last boundary"),
        (TYPE, b"--b\r\none\r\n--b--", "a part of the multipart answer has no end of its headers"),
    ],
)
def test_what_is_no_multipart_is_refused_in_words(content_type: str, body: bytes, said: str) -> None:
    with pytest.raises(ProbeError) as raised:
        multipart.parts(content_type, body)

    assert str(raised.value) == said
