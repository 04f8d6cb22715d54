"""How long an operation may wait, whom it tells that it waits, and what stops it."""

import threading
import time
from collections.abc import Callable

from infra.providers.vnaops.errors import CancelledError

EVERY_SECONDS = 1.0


class Patience:
    """One operation's waiting: `another_try` waits a moment and says whether to go on.

    Args:
        seconds: how long the operation may last.
        progress: told one line whenever it waits.
        cancelled: set when the engine wants the operation to stop.
    """

    def __init__(
        self,
        seconds: float,
        progress: Callable[[str], None],
        cancelled: threading.Event,
        *,
        every: float = EVERY_SECONDS,
    ) -> None:
        self._seconds = seconds
        self._began = time.monotonic()
        self._every = every
        self._cancelled = cancelled
        self.progress = progress

    def another_try(self, waiting_for: str) -> bool:
        """Wait a moment; False when the time is over. Raises `CancelledError`."""
        waited = time.monotonic() - self._began
        if waited + self._every > self._seconds:
            return False
        self.progress(f"{waiting_for} ({waited:.0f} s of {self._seconds:.0f} s)")
        self._cancelled.wait(self._every)
        self.check()
        return True

    def check(self) -> None:
        """Raises `CancelledError` when the engine wants to stop."""
        if self._cancelled.is_set():
            raise CancelledError("cancelled: nothing further was done")
