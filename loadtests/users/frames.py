"""The frames of an instance as it was stored, found in its buffers without copying them."""

import struct
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from loadtests.elements import ITEM, PIXEL_DATA, UNDEFINED, Buffer, elements
from loadtests.profiles.instance import Instance

NUMBER_OF_FRAMES = 0x00280008
_HEAD = struct.Struct("<HH2s2xI")
_ITEM = struct.Struct("<HHI")


class Frames(Sequence[bytes]):
    """Frame by frame, from 0, what WADO-RS has to return of it (PS3.18 section 10.4, transfer syntax as stored).

    Encapsulated frames have a fragment each, as all of our profiles make them.

    Raises:
        ValueError: the instance has no pixel data behind its head.
    """

    def __init__(self, instance: Instance) -> None:
        self._buffers: tuple[Buffer, ...] = instance.buffers[1:]
        self._begins = list(accumulate(map(len, self._buffers), initial=0))
        group, element, _, length = _HEAD.unpack(self._bytes(0, _HEAD.size))
        if group << 16 | element != PIXEL_DATA:
            raise ValueError(f"{instance.sop_class_uid}: no pixel data stands behind the head")
        if length == UNDEFINED:
            self._places = self._fragments(_HEAD.size)
        else:
            count = _number_of_frames(instance.buffers[0])
            size = length // count
            self._places = [(_HEAD.size + number * size, size) for number in range(count)]

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> bytes:  # type: ignore[override]  # slices aren't needed
        return self._bytes(*self._places[number])

    def _fragments(self, at: int) -> list[tuple[int, int]]:
        places: list[tuple[int, int]] = []
        while True:
            group, element, length = _ITEM.unpack(self._bytes(at, _ITEM.size))
            if group << 16 | element != ITEM:
                return places[1:]  # the first is the basic offset table
            places.append((at + _ITEM.size, length))
            at += _ITEM.size + length

    def _bytes(self, at: int, length: int) -> bytes:
        parts = []
        number = bisect_right(self._begins, at) - 1
        while length:
            begin = at - self._begins[number]
            part = memoryview(self._buffers[number])[begin : begin + length]
            parts.append(part)
            at += len(part)
            length -= len(part)
            number += 1
        return b"".join(parts)


def _number_of_frames(head: Buffer) -> int:
    for element in elements(head):
        if element.tag == NUMBER_OF_FRAMES:
            return int(bytes(head[element.start : element.start + (element.length or 0)]))
    return 1
