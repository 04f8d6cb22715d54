"""What has been appended to a file since one has last looked."""

from collections.abc import Iterator
from pathlib import Path

PIECE = 1 << 20


class Tail:
    """Follows one growing file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def pieces(self) -> Iterator[tuple[int, bytes]]:
        """What is new, as offset and bytes, a megabyte at most each."""
        with self.path.open("rb") as file:
            file.seek(self._offset)
            while piece := file.read(PIECE):
                yield self._offset, piece
                self._offset += len(piece)
