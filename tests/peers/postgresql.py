"""A PostgreSQL server (Debian 12's version 15) with an empty data directory, never run as root."""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.peers.seaweedfs import free_ports

PROGRAMS = Path("/usr/lib/postgresql/15/bin")
START_SECONDS = 60.0  # 0.8 s alone; the machine may be shared by other builds


@dataclass(frozen=True)
class PostgreSQL:
    """Where the server listens (loopback and unix socket), and its superuser."""

    host: str
    port: int
    socket_directory: Path
    user: str
    password: str = field(repr=False)
    database: str = "postgres"

    def connection_string(self, database: str | None = None) -> str:
        """A libpq connection string over the loopback, password included: not for logs."""
        return (
            f"host={self.host} port={self.port} user={self.user} password={self.password} "
            f"dbname={database or self.database}"
        )

    def connect(self, database: str | None = None) -> "psycopg.Connection[tuple[object, ...]]":
        """An open connection in autocommit, so that databases and roles can be made with it."""
        return psycopg.connect(self.connection_string(database), autocommit=True)


@contextmanager
def postgresql(**settings: str) -> Iterator[PostgreSQL]:
    """Run one server with a random password; afterwards nothing of it is left.

    Args:
        settings: server parameters, for example `max_connections="200"`; nothing is synced to disk by default.

    Raises:
        RuntimeError: the server could not be made or was not ready in time; its log is in the message.

    Call it from a thread that lives as long as the server: the kernel stops the server when that thread ends.
    """
    if not PROGRAMS.is_dir():
        raise RuntimeError(f"{PROGRAMS} is missing: apt-get install postgresql-15")
    home = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        password = secrets.token_urlsafe(24)
        (home / "password").write_text(password)
        (home / "password").chmod(0o600)
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            user = pwd.getpwnam("postgres")
            for path in (home, home / "password"):
                os.chown(path, user.pw_uid, user.pw_gid)
        _initdb(home)
        for attempts_left in (2, 1, 0):  # a free port can be taken by somebody else between our look and the start
            server = PostgreSQL("127.0.0.1", free_ports(1)[0], home, "postgres", password)
            process = _start(home, server, settings)
            try:
                if _ready(server, process):
                    yield server
                    return
                said = (home / "log").read_text(errors="replace")
                if "Address already in use" not in said or not attempts_left:
                    raise RuntimeError(f"PostgreSQL did not start (exit code {process.poll()}):\n{said[-4000:]}")
            finally:
                process.send_signal(signal.SIGQUIT)  # immediate: the data are thrown away
                process.wait()
    finally:
        shutil.rmtree(home)


def _unprivileged(program: str, *arguments: str) -> list[str]:
    become = ["--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
    return ["setpriv", *become, "--pdeathsig", "QUIT", "--", str(PROGRAMS / program), *arguments]


def _initdb(home: Path) -> None:
    command = _unprivileged(
        "initdb",
        f"--pgdata={home / 'data'}",
        f"--pwfile={home / 'password'}",
        "--username=postgres",
        "--auth=scram-sha-256",
        "--encoding=UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    )
    done = subprocess.run(command, capture_output=True, text=True, cwd=home)
    if done.returncode:
        raise RuntimeError(f"initdb failed: {done.stderr[-4000:]}")


def _start(home: Path, server: PostgreSQL, settings: dict[str, str]) -> "subprocess.Popen[bytes]":
    chosen = {
        "listen_addresses": server.host,
        "port": str(server.port),
        "unix_socket_directories": str(home),
        "fsync": "off",
        **settings,
    }
    options = [text for name, value in chosen.items() for text in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        return subprocess.Popen(
            _unprivileged("postgres", "-D", str(home / "data"), *options),
            cwd=home,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )


def _ready(server: PostgreSQL, process: "subprocess.Popen[bytes]") -> bool:
    deadline, pause = time.monotonic() + START_SECONDS, threading.Event()
    while process.poll() is None and time.monotonic() < deadline:
        try:
            server.connect().close()
            return True
        except psycopg.OperationalError:
            pause.wait(0.05)
    return False
