"""The stream parser: any cut gives the same PDUs; garbage costs a typed error and bounded memory."""

import tracemalloc
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.dimse.errors import ProtocolError
from exporters.dimse.message import fragments
from exporters.dimse.pdu import Abort, AssociateRequest, ControlPdu, ReleaseRequest
from exporters.dimse.reasons import AbortReason
from exporters.dimse.stream import Buffer, Fragment, PduParser
from tests.unit.exporters.dimse import strategies

values = st.builds(
    lambda context_id, is_command, data, max_length: b"".join(
        fragments(context_id, [data], max_length, is_command=is_command)
    ),
    strategies.context_ids,
    st.booleans(),
    st.binary(max_size=500),
    st.integers(8, 200),
)
streams = st.lists(strategies.controls.map(lambda pdu: pdu.encode()) | values, max_size=6).map(b"".join)


def read(parser: PduParser, chunks: list[Buffer]) -> list[object]:
    """All that comes out, neighbouring pieces of a value joined."""
    out: list[object] = []
    for chunk in chunks:
        parser.feed(chunk)
        while (parsed := parser.next()) is not None:
            if isinstance(parsed, Fragment):
                head = (parsed.context_id, parsed.is_command)
                before = out[-1] if out else None
                if isinstance(before, list) and before[0] == head and not before[2]:
                    before[1] += bytes(parsed.data)
                    before[2] = parsed.last
                else:
                    out.append([head, bytes(parsed.data), parsed.last])
            else:
                out.append(parsed)
    return out


def cut(data: bytes, places: list[int]) -> list[Buffer]:
    at = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in pairwise(at)]


@given(streams, st.lists(st.integers(0, 10**6), max_size=30))
def test_the_same_pdus_come_however_the_stream_is_cut(stream: bytes, places: list[int]) -> None:
    parser = PduParser()

    assert read(parser, cut(stream, places)) == read(PduParser(), [stream])
    assert parser.between_pdus


@given(streams)
def test_the_same_pdus_come_byte_by_byte_from_one_reused_buffer(stream: bytes) -> None:
    parser, out, buffer = PduParser(), [], bytearray(1)
    for byte in stream:
        buffer[0] = byte
        out += read(parser, [memoryview(buffer)])

    whole = read(PduParser(), [stream])
    assert [o for o in out if not isinstance(o, list)] == [o for o in whole if not isinstance(o, list)]
    assert b"".join(o[1] for o in out if isinstance(o, list)) == b"".join(o[1] for o in whole if isinstance(o, list))


@given(st.binary(max_size=400), st.lists(st.integers(0, 10**6), max_size=5))
def test_garbage_raises_nothing_but_a_protocol_error(garbage: bytes, places: list[int]) -> None:
    with suppress(ProtocolError):
        read(PduParser(), cut(garbage, places))


@given(streams, st.data())
def test_a_changed_byte_raises_nothing_but_a_protocol_error(stream: bytes, data: st.DataObject) -> None:
    changed = bytearray(stream or b"\0")
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with suppress(ProtocolError):
        read(PduParser(), [bytes(changed)])


@given(strategies.controls, st.binary(min_size=12, max_size=40).filter(lambda garbage: garbage[0] > 7))
def test_what_came_before_garbage_is_delivered_before_the_error(pdu: ControlPdu, garbage: bytes) -> None:
    parser = PduParser()
    parser.feed(pdu.encode() + garbage)

    assert parser.next() == pdu
    for _ in range(2):  # and it stays broken
        with pytest.raises(ProtocolError, match=r"^PDU type 0x[0-9a-f]{2} is unknown$") as raised:
            parser.next()
        assert raised.value.abort_reason is AbortReason.UNRECOGNIZED_PDU
    parser.feed(ReleaseRequest().encode())
    with pytest.raises(ProtocolError):
        parser.next()


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (b"\x01\0\xff\xff\xff\xff", "a PDU of type 0x01 announces 4294967295 bytes"),
        (b"\x07\0\0\0\0\x05", "a PDU of type 0x07 announces 5 bytes"),
        (b"\x07\0\0\0\0\x03abc", "A-ABORT has 3 bytes instead of 4"),
        (b"\x05\0\0\0\0\0", "A-RELEASE-RQ has 0 bytes instead of 4"),
        (b"\x04\0\0\0\0\x05", "a P-DATA-TF PDU of 5 bytes has no presentation data value"),
        (b"\x04\0\0\0\x40\x01", "a P-DATA-TF PDU of 16385 bytes, where 16384 were agreed"),
        (
            b"\x04\0\0\0\x40\x01\0\0\x3f\xfd\1\2" + bytes(16379),
            "a P-DATA-TF PDU of 16385 bytes, where 16384 were agreed",
        ),
        (b"\x04\0\0\0\0\x06\0\0\0\1\1\2", "a presentation data value announces 1 bytes where 2 are left"),
        (
            b"\x04\0\0\0\0\x06\xff\xff\xff\xff\1\2",
            "a presentation data value announces 4294967295 bytes where 2 are left",
        ),
        (b"\x04\0\0\0\0\x0a\0\0\0\2\1\2", "4 bytes are left over after the last presentation data value"),
    ],
)
def test_a_length_that_lies_is_refused_in_words(stream: bytes, said: str) -> None:
    parser = PduParser(max_data_length=16384)
    parser.feed(stream)

    with pytest.raises(ProtocolError, match=f"^{said}$"):
        parser.next()


def test_a_value_of_gigabytes_passes_in_pieces_without_being_kept() -> None:
    parser, length, chunk = PduParser(), 0xFFFF_FFF0, bytes(65536)
    parser.feed(b"\x04\0" + (length + 6).to_bytes(4) + (length + 2).to_bytes(4) + b"\x01\0")
    assert parser.next() is None
    tracemalloc.start()
    try:
        for _ in range(200):
            parser.feed(chunk)
            piece = parser.next()
            assert isinstance(piece, Fragment)
            assert piece.data.obj is chunk
            assert not piece.last
            assert parser.next() is None
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_an_announced_length_allocates_nothing() -> None:
    parser = PduParser(max_control_length=1 << 31)
    tracemalloc.start()
    try:
        parser.feed(b"\x01\0\x7f\xff\xff\xff" + bytes(1000))
        assert parser.next() is None
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_pdus_of_ten_bytes_are_not_waited_for_longer() -> None:
    for pdu in (ReleaseRequest(), Abort()):
        parser = PduParser()
        parser.feed(pdu.encode())
        assert parser.next() == pdu


def test_the_stream_is_not_between_pdus_within_one() -> None:
    parser = PduParser()
    encoded = AssociateRequest("A", "B", ()).encode()
    parser.feed(encoded[:-1])

    assert parser.next() is None
    assert not parser.between_pdus
    parser.feed(encoded[-1:])
    assert isinstance(parser.next(), AssociateRequest)
    assert parser.between_pdus
