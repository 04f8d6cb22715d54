"""Ctrl-C and SIGTERM as something that is looked at: an exception could hit any greenlet, with its stack printed."""

import os
import signal
from collections.abc import Callable


class Interruption:
    """Whether the user wants it to end. The first signal is noted; the second ends the process where it stands.

    That is safe: the ledger is on disk at any moment.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.asked = False
        self._say = say
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGTERM, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        if self.asked:
            os._exit(130)
        self.asked = True
        words = "interrupted: letting what is under way finish, then reporting what there is (again: end at once)"
        try:
            self._say(words)
        except RuntimeError:  # the signal came in the middle of a print: a buffered file can't be entered twice
            os.write(1, words.encode() + b"\n")

    def raise_if_asked(self) -> None:
        """Raises KeyboardInterrupt where that is a good place for it."""
        if self.asked:
            raise KeyboardInterrupt
