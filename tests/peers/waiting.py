"""Waits for a process that has been started to answer."""

import subprocess
import time
from urllib.error import HTTPError
from urllib.request import urlopen

START_SECONDS = 60.0  # under a second alone; the machine may be shared by other builds


def until(url: str, process: subprocess.Popen[bytes]) -> None:
    """Returns when the URL is answered with 200. Fails where the process ends, or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with urlopen(url, timeout=2) as answer:  # noqa: S310 (of the loopback)
                if answer.status == 200:
                    return
        except HTTPError as error:
            error.close()
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{process.args!r} does not answer")
        time.sleep(0.02)
