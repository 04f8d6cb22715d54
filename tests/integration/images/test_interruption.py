"""A build that is ended in its midst leaves nothing behind, and a second one beside it is refused."""

import fcntl
import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.integration.images.conftest import REPOSITORY, Tree
from tests.integration.images.test_build import HELLO, assert_nothing_is_left


@contextmanager
def build_in_its_midst(tree: Tree) -> Iterator[tuple[subprocess.Popen[str], socket.socket]]:
    """A run whose only step fetches from a server that never answers, at that moment, and the server's side of it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        tree.image("slow", f"FROM scratch\nADD http://127.0.0.1:{server.getsockname()[1]}/never /never\n")
        process = subprocess.Popen(
            tree.command,
            cwd=REPOSITORY,
            env=tree.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        with process:
            try:
                connection, _ = server.accept()
                with connection:
                    yield process, connection
            finally:
                process.kill()


def processes_of(tree: Tree) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            line = entry.read_text().replace("\0", " ")
            if "buildah" in line and str(tree.root) in line:
                found.append(line)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_leaves_no_process_no_mount_and_no_reference(tree: Tree, number: int) -> None:
    tree.image("one", HELLO, hello="before the interruption")
    assert tree.run().returncode == 0
    before = json.loads(tree.references.read_text())
    with build_in_its_midst(tree) as (process, _):
        assert processes_of(tree)
        process.send_signal(number)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 130
    assert output.splitlines()[-1].startswith("images: interrupted; ")
    assert processes_of(tree) == []
    assert_nothing_is_left(tree)
    assert json.loads(tree.references.read_text()) == before


def test_a_second_run_beside_the_first_is_refused(tree: Tree) -> None:
    with build_in_its_midst(tree):
        second = tree.run()
    assert second.returncode == 1
    lock = tree.root / "cache/images/lock"
    assert second.stderr == f"images: another run is building images (lock {lock}): wait for its end\n"


def test_what_a_killed_run_started_holds_the_lock_until_it_ends_and_the_next_run_cleans_up(tree: Tree) -> None:
    tree.image("one", HELLO, hello="after a kill")
    with build_in_its_midst(tree) as (process, connection):
        process.kill()
        process.wait()
        assert "another run is building images" in tree.run().stderr
        connection.close()
        with (tree.root / "cache/images/lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
    assert (tree.root / "cache/images/storage").exists()
    assert tree.run("one").returncode == 0
    assert_nothing_is_left(tree)
