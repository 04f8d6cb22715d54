"""The real Pulumi engine with a stack of the test's own: what the tests of both providers share."""

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from pulumi import automation
from pulumi.automation._server import LanguageServer

from infra import paths


def prepare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Makes the folders `project`, `state` and `home`, puts the CLI on PATH; returns the engine's environment."""
    if not (paths.tools_bin() / "pulumi").exists():
        pytest.fail("pulumi is missing: run `python -m infra.node.tools`")
    for name in ("project", "state", "home"):
        (folder / name).mkdir(exist_ok=True)
    monkeypatch.setenv("PATH", f"{paths.tools_bin()}{os.pathsep}{os.environ['PATH']}")
    return {
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "a test's",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PATH": os.environ["PATH"],
    }


@dataclass
class PulumiEngine:
    """A stack whose program each test gives; state and home lie in the test's folder."""

    folder: Path
    environment: dict[str, str]
    printed: list[str] = field(default_factory=list)

    @cached_property
    def _stack(self) -> automation.Stack:
        options = automation.LocalWorkspaceOptions(
            work_dir=str(self.folder / "project"), pulumi_home=str(self.folder / "home"), env_vars=self.environment
        )
        return automation.create_stack("test", project_name="test", program=lambda: None, opts=options)

    def stack(self, program: Callable[[], None]) -> automation.Stack:
        """The stack, with this program from now on."""
        self._stack.workspace.program = program
        return self._stack

    def up(self, program: Callable[[], None], **options: Any) -> automation.UpResult:
        """`pulumi up`; what it prints is kept in `printed`."""
        self.printed.clear()
        return self.stack(program).up(on_output=self.printed.append, **options)

    def refused(self, program: Callable[[], None], **options: Any) -> str:
        """What `pulumi up` prints when it fails, as it must."""
        with pytest.raises(automation.CommandError):
            self.up(program, **options)
        _wait_for_programs()
        return "\n".join(self.printed)

    def steps(self, program: Callable[[], None], prefix: str, **options: Any) -> list[automation.StepEventMetadata]:
        """What `pulumi preview` would do, more than `same`, to resources whose type begins so."""
        found: list[automation.StepEventMetadata] = []

        def note(event: automation.EngineEvent) -> None:
            if event.resource_pre_event:
                metadata = event.resource_pre_event.metadata
                if metadata.op != automation.OpType.SAME and metadata.type.startswith(prefix):
                    found.append(metadata)

        self.printed.clear()
        self.stack(program).preview(on_event=note, on_output=self.printed.append, **options)
        return found

    def state_text(self) -> str:
        """The state file as it lies on disk."""
        return (self.folder / "state" / ".pulumi" / "stacks" / "test" / "test.json").read_text()


def _wait_for_programs() -> None:
    """Until no inline program runs any more, at most ten seconds.

    The SDK doesn't wait for the program of an engine that has failed: it still talked to that engine's closed port when
    the next one's program had begun, which once failed with that refusal.
    """
    until = time.monotonic() + 10
    while any(map(_is_program, sys._current_frames().values())) and time.monotonic() < until:
        threading.Event().wait(0.02)


def _is_program(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code is LanguageServer.Run.__code__:
            return True
        frame = frame.f_back
    return False
