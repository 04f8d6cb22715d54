"""Commands that take minutes: a sign of life while they run, their output only when they fail."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from infra.node.tools.errors import ToolError

BETWEEN_SIGNS_S = 15.0
LINES_OF_A_FAILURE = 20


def say(line: str) -> None:
    """One line about a step, on standard error: standard output is for `--list`."""
    print(line, file=sys.stderr, flush=True)


def run(
    what: str,
    command: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    between_signs_s: float = BETWEEN_SIGNS_S,
) -> None:
    """Run `command`, with a line when it starts, every `between_signs_s` seconds, and when it has ended.

    Raises ToolError with the end of the command's output when it fails. Whatever interrupts this function ends the
    command and its children too.
    """
    say(f"{what} …")
    began = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        # A session of its own: `go build` has children, which must not outlive an interruption.
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while True:
                try:
                    code = process.wait(timeout=between_signs_s)
                    break
                except subprocess.TimeoutExpired:
                    say(f"{what} … {time.monotonic() - began:.0f} s")
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        if code != 0:
            output.seek(0)
            last = output.read().splitlines()[-LINES_OF_A_FAILURE:]
            raise ToolError("\n  ".join([f"{what}: `{command[0]}` ended with {code}:", *last]))
    say(f"{what}: {time.monotonic() - began:.1f} s")
