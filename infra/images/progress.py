"""Runs the long commands of the builds: a line for every step, one every 15 s in between, the output in a log file."""

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from infra.images.recipe import ImageError

_EVERY_SECONDS = 15.0
_STEP = re.compile(r"(?P<stage>\[\d+/\d+\] )?STEP (?P<number>\d+/\d+): (?P<what>.*)")
_SHOWN = ("FROM", "RUN", "COPY", "ADD")
_LAST_LINES = 12
_PATIENCE_SECONDS = 10.0


class InterruptedRunError(Exception):
    """The run is being ended: no further command is started."""


class Commands:
    """Starts commands, each in a process group of its own, so that all of them can be ended at once."""

    def __init__(self, say: Callable[[str], None], keep_open: Sequence[int] = ()) -> None:
        self._say = say
        self._keep_open = tuple(keep_open)
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._ending = False

    def run(
        self,
        image: str,
        step: str,
        command: Sequence[str | os.PathLike[str]],
        log: Path,
        environment: dict[str, str] | None = None,
    ) -> None:
        """Runs the command, appends its output to `log` and shows `STEP n/m` lines of it as they come.

        Raises ImageError with the last lines if it fails, InterruptedRunError if the run is being ended.
        """
        lines: list[str] = []
        with log.open("a") as written, self._started(command, environment) as process:
            step = " ".join(step.split())
            with self._ticking(image, lambda: step):
                assert process.stdout is not None  # noqa: S101 - Popen was told to make it
                for line in process.stdout:
                    written.write(line)
                    written.flush()
                    lines = [*lines[1 - _LAST_LINES :], line.rstrip()]
                    if (match := _STEP.match(line)) and match["what"].startswith(_SHOWN):
                        step = " ".join(f"{match['stage'] or ''}{match['number']}: {match['what']}".split())
                        self._say(f"{image}: {step[:100]}")
                code = process.wait()
        if self._ending:
            raise InterruptedRunError
        if code:
            last = "".join(f"\n    {line}" for line in lines)
            raise ImageError(f"image {image}: {step[:100]!r} failed (exit status {code}); all of it: {log}{last}")

    def end(self) -> None:
        """Ends what runs, with SIGTERM and after 10 s with SIGKILL, and lets nothing start any more."""
        with self._lock:
            self._ending = True
            running = list(self._running)
        for process in running:
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))
            _signal(process, signal.SIGKILL)

    @contextmanager
    def _started(
        self, command: Sequence[str | os.PathLike[str]], environment: dict[str, str] | None
    ) -> Iterator[subprocess.Popen[str]]:
        with self._lock:
            if self._ending:
                raise InterruptedRunError
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                env=environment,
                start_new_session=True,
                pass_fds=self._keep_open,
            )
            self._running.add(process)
        try:
            with process:
                yield process
        finally:
            with self._lock:
                self._running.discard(process)

    @contextmanager
    def _ticking(self, image: str, step: Callable[[], str]) -> Iterator[None]:
        done = threading.Event()
        begun = time.monotonic()

        def tick() -> None:
            while not done.wait(_EVERY_SECONDS):
                self._say(f"{image}: … {time.monotonic() - begun:.0f} s, at {step()[:60]}")

        thread = threading.Thread(target=tick, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def _signal(process: subprocess.Popen[str], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)
