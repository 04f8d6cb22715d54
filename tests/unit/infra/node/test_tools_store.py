"""The tools' folder: whole or not at all, links that are never absent, one run at a time."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from infra import paths
from infra.node.tools import store
from infra.node.tools.catalogue import Tool
from infra.node.tools.errors import ToolError

TOOL = Tool("two", "1.0.0", ("one", "other"))


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VNAOPS_CACHE", str(tmp_path))
    paths.tools_dir().mkdir()


def program(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


def make_and_fail(target: Path) -> None:
    with store.making(target) as folder:
        program(folder / "one")
        raise KeyboardInterrupt


def test_something_that_was_not_finished_leaves_nothing() -> None:
    target = store.folder(TOOL, "1.0.0", "key")
    with pytest.raises(KeyboardInterrupt):
        make_and_fail(target)
    assert list(paths.tools_dir().iterdir()) == []


def test_a_failed_remake_leaves_what_was_there() -> None:
    target = store.folder(TOOL, "1.0.0", "key")
    program(target / "other")
    with pytest.raises(KeyboardInterrupt):
        make_and_fail(target)
    assert [file.name for file in target.iterdir()] == ["other"]


def test_a_tool_is_whole_only_with_all_its_programs() -> None:
    target = store.folder(TOOL, "1.0.0", "key")
    with store.making(target) as folder:
        program(folder / "one")
    assert not store.is_whole(TOOL, target)
    program(target / "other")
    assert store.is_whole(TOOL, target)
    (target / "other").chmod(0o644)
    assert not store.is_whole(TOOL, target)


def test_what_a_killed_run_left_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    left = paths.tools_dir() / ".unfinished-of-a-killed-run"
    program(left / "one")
    with store.locked():
        assert not left.exists()


def test_a_link_to_something_that_is_no_program_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    store.link("one", program(tmp_path / "a" / "one"))
    with pytest.raises(ToolError, match=r"one: .*/b/one is no program, so it was not linked into .*/bin$"):
        store.link("one", tmp_path / "b" / "one")
    assert (paths.tools_bin() / "one").readlink() == tmp_path / "a" / "one"


def test_a_link_is_at_no_moment_absent_while_it_is_replaced(tmp_path: Path) -> None:
    targets = [program(tmp_path / name / "one") for name in ("a", "b")]
    store.link("one", targets[0])
    done = threading.Event()
    seen: set[Path] = set()
    absent: list[OSError] = []

    def look() -> None:
        while not done.is_set():
            try:
                seen.add((paths.tools_bin() / "one").readlink())
            except OSError as error:
                absent.append(error)

    looker = threading.Thread(target=look)
    looker.start()
    for number in range(400):
        store.link("one", targets[number % 2])
    done.set()
    looker.join()
    assert not absent
    assert seen <= set(targets)
    assert [file.name for file in paths.tools_dir().iterdir()] == ["bin"]


def test_a_second_run_says_that_it_waits_for_the_first() -> None:
    code = "from infra.node.tools import store\nwith store.locked(): print('mine', flush=True)"
    with store.locked():
        second = subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ
        )
        assert second.stderr is not None
        assert second.stderr.readline() == f"another run holds {paths.tools_dir()}/.lock: waiting for it …\n"
        assert second.poll() is None
    out, _ = second.communicate(timeout=30)
    assert out == "mine\n"
