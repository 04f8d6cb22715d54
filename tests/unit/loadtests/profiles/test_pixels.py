"""Encoded pixel data: what is shared, and what is each instance's own."""

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.profiles.pixels import PACKED_BYTES, CommentMarker, EncapsulatedPixels, NativePixels, Pixels

NONCE = bytes(range(0, 64, 2))


def whole(pixels: Pixels, nonce: bytes) -> bytes:
    return b"".join((*pixels.body, *pixels.tail(nonce).sent))


def digest(pixels: Pixels, nonce: bytes) -> bytes:
    state = pixels.hashed.copy()
    for part in pixels.tail(nonce).hashed:
        state.update(part)
    return state.digest()


@given(st.binary(min_size=32, max_size=200), st.binary(min_size=32, max_size=32), st.integers(1, 3))
def test_a_nonce_changes_the_lowest_bits_of_the_last_samples_only(frame: bytes, nonce: bytes, bits: int) -> None:
    pixels = NativePixels([frame], bits_allocated=8, noise_bits=bits)

    value = whole(pixels, nonce)[12:]

    assert len(value) == len(frame) + len(frame) % 2
    assert value[: len(frame) - 32] == frame[:-32]
    changed = bytes(one ^ other for one, other in zip(value[len(frame) - 32 :], frame[-32:], strict=False))
    assert changed == bytes(byte & (1 << bits) - 1 for byte in nonce)
    assert digest(pixels, nonce) == hashlib.sha256(value).digest()


def test_of_sixteen_bits_the_lower_byte_is_changed() -> None:
    value = whole(NativePixels([bytes(80)]), NONCE)

    assert value[:12] == struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OW", 80)
    assert value[12 + 16 :][::2] == bytes(byte & 7 for byte in NONCE)
    assert value[12 + 16 :][1::2] == bytes(32)


@pytest.mark.parametrize("frames", [[], [bytes(63)], [bytes(1000), bytes(10)]])
def test_pixel_data_too_short_for_a_nonce_is_refused(frames: list[bytes]) -> None:
    with pytest.raises(ValueError, match="shorter than the 64 bytes that carry the nonce"):
        NativePixels(frames)


def test_a_small_body_is_one_buffer_and_a_large_one_repeats_its_frames_without_a_copy() -> None:
    frame = memoryview(bytes(PACKED_BYTES // 4))

    small, large = NativePixels([frame] * 3), NativePixels([frame] * 200)

    assert len(small.body) == 1
    assert sum(buffer is frame for buffer in large.body) == 199
    for pixels in (small, large):
        assert pixels.body_size == sum(map(len, pixels.body))


def test_fragments_are_hashed_without_their_heads() -> None:
    pixels = EncapsulatedPixels([b"\xff\xd8one!", b"\xff\xd8last"], CommentMarker(b"\xff\xd8last"))

    sent = whole(pixels, NONCE)

    comment = b"\xff\xfe\x00\x42" + NONCE.hex().encode()
    assert sent.endswith(b"\xff\xd8" + comment + b"last" + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0))
    assert digest(pixels, NONCE) == hashlib.sha256(b"\xff\xd8one!\xff\xd8" + comment + b"last").digest()
    assert pixels.body_size == sum(map(len, pixels.body))


def test_a_comment_in_jpeg_2000_says_that_it_is_binary() -> None:
    before, comment, after = CommentMarker(b"0123456789", 4, b"\xff\x64")(NONCE)

    assert (bytes(before), bytes(after)) == (b"0123", b"456789")
    assert comment == b"\xff\x64\x00\x44\x00\x00" + NONCE.hex().encode()
