"""The pods of a campaign on the cluster, by kubectl: whether they run, what they say, what they leave."""

import json
import subprocess
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from infra.components.campaign import MASTER, RESULTS, RESULTS_FOLDER, WORKER
from infra.components.component import APP

START_SECONDS = 300.0  # images are pulled in it
LOOK_SECONDS = 1.0
COPY_ATTEMPTS = 3


class PodsError(Exception):
    """The pods can't do their work; one line says why."""


class Pods:
    """What kubectl knows of a campaign's pods. `command` is kubectl with its context and namespace."""

    def __init__(self, command: Sequence[str], env: Mapping[str, str], say: Callable[[str], None]) -> None:
        self._command = list(command)
        self._env = env
        self._say = say
        self._master = ""

    def running_campaign(self) -> str | None:
        """The name of the Job of a campaign that is there already."""
        jobs = self._json("get", "jobs", f"--selector={APP}={MASTER}")["items"]
        return jobs[0]["metadata"]["name"] if jobs else None

    def await_master(self) -> None:
        """Wait until the master runs (or has run). Raises PodsError with Kubernetes' reason where it can't."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            pods = self._json("get", "pods", f"--selector={APP}={MASTER}")["items"]
            states = [state for pod in pods if "waiting" not in (state := _state(pod))]
            if states and states[0]:
                self._master = pods[0]["metadata"]["name"]
                return
            reason = "; ".join(filter(None, map(_why_not, pods))) or "the Job has made no pod"
            if time.monotonic() > deadline:
                raise PodsError(f"the master doesn't start in {START_SECONDS:.0f} s: {reason}")
            time.sleep(LOOK_SECONDS)

    def follow(self) -> int:
        """Show what the master says until it ends. Returns its exit code."""
        since = ["--since-time=1970-01-01T00:00:00Z"]
        while True:
            self._logs(self._master, "--follow", *since)
            since = [f"--since={int(LOOK_SECONDS) + 1}s"]
            state = _state(self._json("get", "pod", self._master))
            if "terminated" in state:
                return int(state["terminated"]["exitCode"])
            time.sleep(LOOK_SECONDS)  # the connection broke, not the master

    def interrupt(self) -> None:
        """Pass an interruption on to the master: the first ends the load, the second everything."""
        shell = ("exec", self._master, "--container=master", "--", "sh", "-c", "kill -INT 1")
        subprocess.run([*self._command, *shell], env=self._env, capture_output=True, timeout=20, check=False)

    def collect(self, into: Path) -> list[Path]:
        """Copy the campaigns' folders that the master has written. Returns them; raises PodsError."""
        into.mkdir(parents=True, exist_ok=True)
        tar = ("exec", self._master, f"--container={RESULTS}", "--", "tar", "-C", RESULTS_FOLDER, "-cf", "-", ".")
        for attempt in range(1, COPY_ATTEMPTS + 1):
            with subprocess.Popen([*self._command, *tar], env=self._env, stdout=subprocess.PIPE) as copy:
                assert copy.stdout is not None  # noqa: S101 (for the type)
                try:
                    with tarfile.open(fileobj=copy.stdout, mode="r|") as archive:
                        return _extract(archive, into)
                except (tarfile.TarError, EOFError) as error:
                    # an ended connection looks like an ended stream (kubectl cp has the same trouble): only tar knows
                    self._say(f"copying the results, attempt {attempt} of {COPY_ATTEMPTS}: {error}")
        raise PodsError(f"the results can't be copied from {self._master}:{RESULTS_FOLDER}")

    def show_failed_workers(self) -> None:
        """The last lines of every worker that failed, and why Kubernetes thinks so."""
        for pod in self._json("get", "pods", f"--selector={APP}={WORKER}")["items"]:
            name, state = pod["metadata"]["name"], _state(pod)
            if state.get("terminated", {}).get("exitCode", 0) or not state:
                ended = state.get("terminated", {})
                self._say(f"{name}: {ended.get('reason') or _why_not(pod)} (exit {ended.get('exitCode', 'none')})")
                if state:
                    self._logs(name, "--tail=20")

    def await_none(self, seconds: float) -> None:
        """Wait until the pods are gone, so that the next campaign finds room."""
        selector = f"--selector={APP} in ({MASTER},{WORKER})"
        command = [*self._command, "wait", "pod", selector, "--for=delete", f"--timeout={seconds:.0f}s"]
        subprocess.run(command, env=self._env, capture_output=True, check=False)

    def _logs(self, pod: str, *options: str) -> None:
        # in a session of its own: an interruption at the terminal is passed on by the command, and kubectl goes on
        container = "master" if pod == self._master else "worker"
        command = [*self._command, "logs", pod, f"--container={container}", *options]
        with subprocess.Popen(command, env=self._env, stdout=subprocess.PIPE, start_new_session=True) as logs:
            assert logs.stdout is not None  # noqa: S101 (for the type)
            try:
                for line in logs.stdout:
                    self._say(line.decode(errors="replace").rstrip())
            finally:
                logs.terminate()

    def _json(self, *arguments: str) -> dict[str, Any]:
        done = subprocess.run(
            [*self._command, *arguments, "--output=json"], env=self._env, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise PodsError(f"kubectl {' '.join(arguments)}: {done.stderr.strip()}")
        found: dict[str, Any] = json.loads(done.stdout)
        return found


def _state(pod: Mapping[str, Any]) -> dict[str, Any]:
    """The state of the pod's container `master` or `worker`; empty before kubelet has seen it."""
    for status in pod.get("status", {}).get("containerStatuses", []):
        if status["name"] != RESULTS:
            state: dict[str, Any] = status["state"]
            return state
    return {}


def _why_not(pod: Mapping[str, Any]) -> str:
    """What keeps a pod from running, in Kubernetes' words."""
    waiting = _state(pod).get("waiting", {})
    conditions = [c for c in pod.get("status", {}).get("conditions", []) if c["status"] == "False" and c.get("message")]
    words = [waiting.get("reason"), waiting.get("message"), *(c["message"] for c in conditions[:1])]
    return ": ".join(filter(None, words))


def _extract(archive: tarfile.TarFile, into: Path) -> list[Path]:
    folders: dict[str, None] = {}
    for member in archive:
        archive.extract(member, into, filter="data")
        if parts := [part for part in Path(member.name).parts if part != "."]:
            folders[parts[0]] = None
    return [into / name for name in folders]
