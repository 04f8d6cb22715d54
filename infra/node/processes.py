"""Starting, finding and ending daemons without pid files.

A daemon is known by two marks in its environment: whose it is (state folder and name) and a key over its command and
the files it reads. Unlike a pid file they can't be stale, can't name somebody else's process, and survive a starter
that was killed half-way.
"""

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.node.errors import NodeError

OWNER = "VNAOPS_NODE_DAEMON"
KEY = "VNAOPS_NODE_DAEMON_KEY"
PYTHON = str(Path(sys.prefix, "bin", "python"))
"""For our own agents. Not sys.executable: python or python3, as the caller liked, and a change starts them anew."""
_LOG_BYTES = 16 * 1024 * 1024
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


@dataclass(frozen=True)
class Daemon:
    """A program to keep running; it is started anew when its command or one of its `inputs` has changed."""

    name: str
    command: Sequence[str]
    inputs: Sequence[Path] = ()
    prefix: Sequence[str] = ()
    proxies: bool = False
    """Whether it talks to the outside, by the machine's proxy if there is one."""
    direct: Sequence[str] = field(default=())
    """What it must reach without that proxy."""

    @property
    def key(self) -> str:
        """Changes when it has to be started anew."""
        digest = hashlib.sha256("\0".join([*self.prefix, *self.command]).encode())
        for path in self.inputs:
            digest.update(path.read_bytes())
        return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Process:
    """A running process that carries our mark."""

    pid: int
    owner: str
    key: str
    program: str
    command: tuple[str, ...]


class Daemons:
    """The daemons of one state folder."""

    def __init__(self, root: Path, log: Path) -> None:
        self._root = root
        self._log = log

    def log_file(self, name: str) -> Path:
        """Where a daemon's output goes."""
        return self._log / f"{name}.log"

    def processes(self) -> list[Process]:
        """All that carries our mark: the daemons and what they started (containerd's shims; never a container)."""
        return [p for p in map(_look, _pids()) if p and p.owner.startswith(f"{self._root}:")]

    def running(self, name: str) -> Process | None:
        """The daemon, if it runs: what it started carries its mark too, but is another program."""
        owner = f"{self._root}:{name}:"
        for process in self.processes():
            if process.owner.startswith(owner) and process.program == process.owner.removeprefix(owner):
                return process
        return None

    def ensure(self, daemon: Daemon) -> bool:
        """Starts the daemon unless it runs as described; says whether it did."""
        key = daemon.key
        if running := self.running(daemon.name):
            if running.key == key:
                return False
            self.stop([daemon.name])
        self._start(daemon, key)
        return True

    def _start(self, daemon: Daemon, key: str) -> None:
        self._log.mkdir(parents=True, exist_ok=True, mode=0o700)
        log = self.log_file(daemon.name)
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/root", "LANG": "C.UTF-8"}
        environment[OWNER] = f"{self._root}:{daemon.name}:{Path(daemon.command[0]).name}"
        environment[KEY] = key
        if daemon.proxies:
            environment |= {name: os.environ[name] for name in _PROXIES if name in os.environ}
            direct = ",".join(filter(None, [os.environ.get("NO_PROXY") or os.environ.get("no_proxy"), *daemon.direct]))
            environment |= {"NO_PROXY": direct, "no_proxy": direct}
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as out:
            process = subprocess.Popen(
                [*daemon.prefix, *daemon.command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=environment,
                cwd="/",
                start_new_session=True,  # the starter's Ctrl-C is not for it
            )
        # Until execve is through, which takes a while from a cold disk, /proc shows no environment and so no mark; with
        # a prefix it is another program first. Who looked in that moment took a starting daemon for one that had ended.
        until(lambda: bool(self.running(daemon.name)) or process.poll() is not None, 30.0)
        process.returncode = 0  # it outlives us: no ResourceWarning when the object goes

    def stop(self, names: Iterable[str], patience: float = 10.0) -> None:
        """Ends daemons: SIGTERM, after `patience` seconds SIGKILL. The API server takes over 3 s at times."""
        self._end({f"{self._root}:{name}:" for name in names}, patience, daemons_only=True)

    def kill(self, *names: str) -> None:
        """Kills daemons and what they started, at once."""
        self._end({f"{self._root}:{name}:" for name in names}, 0.0, daemons_only=False)

    def _end(self, owners: set[str], patience: float, *, daemons_only: bool) -> None:
        def alive() -> list[Process]:
            return [
                p
                for p in self.processes()
                if any(p.owner.startswith(o) for o in owners)
                and (not daemons_only or p.owner.endswith(f":{p.program}"))
            ]

        for sign, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
            if sign == signal.SIGTERM and not patience:
                continue
            for process in alive():
                send(process.pid, sign)
            with contextlib.suppress(TimeoutError):
                until(lambda: not alive(), seconds)
                return
        raise NodeError(f"{', '.join(str(p.pid) for p in alive())}: can't be killed; see dmesg for a stuck disk")

    def last_words(self, name: str) -> str:
        """The end of a daemon's log, for a message."""
        log = self.log_file(name)
        lines = log.read_text(errors="replace").splitlines()[-3:] if log.exists() else []
        return f"see {log}" + "".join(f"\n    {line[:300]}" for line in lines)

    def wait(self, name: str, ready: Callable[[], bool], seconds: float) -> None:
        """Waits until a daemon is ready; raises NodeError with its last words if it ends or takes too long."""

        def check() -> bool:
            if ready():
                return True
            if self.running(name) is None:
                raise NodeError(f"{name} ended as soon as it was started; {self.last_words(name)}")
            return False

        try:
            until(check, seconds)
        except TimeoutError as error:
            raise NodeError(f"{name} isn't ready after {seconds:.0f} s; {self.last_words(name)}") from error


def until(condition: Callable[[], bool], seconds: float, pause: float = 0.05) -> None:
    """Polls a condition that can't be waited for; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(pause)


def send(pid: int, sign: signal.Signals) -> None:
    """Sends a signal, if the process is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, sign)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _look(pid: int) -> Process | None:
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
        if OWNER.encode() not in raw:
            return None
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return None
    environment = dict(entry.partition("=")[::2] for entry in raw.decode(errors="replace").split("\0") if "=" in entry)
    if not command or OWNER not in environment:
        return None  # a zombie has no command
    return Process(pid, environment[OWNER], environment.get(KEY, ""), Path(command[0]).name, tuple(command))
