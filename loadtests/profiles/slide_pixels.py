"""The pixel data of one level of a slide: thousands of frames that are a few tiles again and again."""

import hashlib
import struct
from itertools import accumulate

from loadtests.dataset import Buffer
from loadtests.profiles.pixels import CommentMarker, Tail
from loadtests.profiles.slide_tiles import Tiles

_ITEM_HEAD = struct.Struct("<HHI")


class TiledPixels:
    """Tiles row by row, each a fragment behind a basic offset table; the last carries the nonce in a comment.

    Raises:
        ValueError: the offsets don't fit into the table's 32 bits (PS3.5 section A.4).
    """

    def __init__(self, tiles: Tiles, rows: int, columns: int) -> None:
        frames = [tiles.at(row, column) for row in range(rows) for column in range(columns)]
        *starts, end = accumulate((8 + len(frame) for frame in frames), initial=0)
        if end >= 1 << 32:
            raise ValueError(f"{end} bytes of frames are more than a basic offset table can point into")
        table = struct.pack(f"<{len(starts)}I", *starts)
        body: list[Buffer] = [
            struct.pack("<HH2s2xI", 0x7FE0, 0x0010, b"OB", 0xFFFFFFFF),
            _ITEM_HEAD.pack(0xFFFE, 0xE000, len(table)) + table,
        ]
        for row in range(rows):
            body += tiles.fragments(row, columns - (row == rows - 1))
        self.body = tuple(body)
        self.body_size = sum(map(len, body))
        self.hashed = hashlib.sha256()
        for frame in frames[:-1]:
            self.hashed.update(frame)
        self._marker = CommentMarker(frames[-1])

    def tail(self, nonce: bytes) -> Tail:
        """The last tile with the nonce in it, and the end of the sequence."""
        frame = self._marker(nonce)
        head = _ITEM_HEAD.pack(0xFFFE, 0xE000, sum(map(len, frame)))
        return Tail((head, *frame, _ITEM_HEAD.pack(0xFFFE, 0xE0DD, 0)), frame)
