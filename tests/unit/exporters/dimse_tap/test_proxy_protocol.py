"""The PROXY protocol's head is read to its byte, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.dimse_tap.proxy_protocol import SIGNATURE_2, ProxyProtocolError, parse

V1 = b"PROXY TCP4 10.1.2.3 10.9.9.9 41000 104\r\n"
V2 = SIGNATURE_2 + bytes((0x21, 0x11, 0, 12, 10, 1, 2, 3, 10, 9, 9, 9, 1, 2, 0, 104))
LOCAL = SIGNATURE_2 + bytes((0x20, 0, 0, 0))


@pytest.mark.parametrize(
    ("head", "source"),
    [(V1, "10.1.2.3"), (b"PROXY UNKNOWN\r\n", None), (V2, "10.1.2.3"), (LOCAL, None)],
)
def test_a_head_ends_where_it_ends_and_names_the_source(head: bytes, source: str | None) -> None:
    assert parse(head + b"\x01\x00") == (len(head), source)
    for cut in range(1, len(head)):
        assert parse(head[:cut]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"\x01\x00\x00\x00\x00\xd0",
        b"PROXY TCP4 a b\r\n",
        b"PROXY " + b"x" * 200,
        SIGNATURE_2 + b"\x31\x11\x00\x0c",
        SIGNATURE_2 + b"\x21\x11\xff\xff",
        b"PROXY TCP4 <script> 10.9.9.9 41000 104\r\n",
    ],
)
def test_anything_else_is_refused_in_words(data: bytes) -> None:
    with pytest.raises(ProxyProtocolError, match="PROXY protocol head"):
        parse(data)


@given(st.binary(min_size=1, max_size=300))
def test_no_bytes_make_more_of_it_than_an_answer_or_a_refusal(data: bytes) -> None:
    try:
        found = parse(data)
    except ProxyProtocolError:
        return
    assert found is None or 0 < found[0] <= len(data)
