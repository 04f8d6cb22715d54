"""Workers in processes of this machine: the same command that a pod runs, on the loopback."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import gevent

STOP_SECONDS = 10.0
LOOK_SECONDS = 0.2


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0))


class Processes:
    """Started at once. Each holds the end of a pipe: if this process dies, however it does, they end.

    They are in sessions of their own, so that Ctrl-C at the terminal reaches this process alone, which tells them.

    Args:
        count: how many.
        port: of the master, on the loopback.
        outputs: the environment's outputs.
        on_death: told in words of one that ends too early.
    """

    def __init__(self, count: int, port: int, outputs: Path, on_death: Callable[[str], None]) -> None:
        command = [sys.executable, "-m", "loadtests.main", "run", "--worker", f"127.0.0.1:{port}"]
        command += ["--until-end-of-input", "--outputs", str(outputs)]
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) for _ in range(count)
        ]
        self._on_death = on_death
        self._watcher = gevent.spawn(self._watch)

    def _watch(self) -> None:
        while True:
            for process in self._processes:
                if process.poll() is not None:
                    how = f"code {process.returncode}" if process.returncode >= 0 else f"signal {-process.returncode}"
                    self._on_death(f"worker process {process.pid} has ended too early ({how})")
                    return
            gevent.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """Wait for their end, which they have been told; kill whoever doesn't."""
        self._watcher.kill()
        for process in self._processes:
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()
