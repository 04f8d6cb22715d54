"""Leads a campaign: prepares all who have users, lets them begin together, watches, and ends it.

Under a Locust runner: one that makes the load itself or a master of workers, under our command line or Locust's.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import gevent
from locust.runners import MasterRunner

from loadtests.campaigns import messages
from loadtests.campaigns.copies import Copies
from loadtests.campaigns.generator import together
from loadtests.campaigns.interruption import Interruption
from loadtests.campaigns.knee import StepWatch
from loadtests.campaigns.performer import SPARE_SECONDS
from loadtests.campaigns.plan import Plan
from loadtests.campaigns.progress import Progress
from loadtests.campaigns.shapes import Steps
from loadtests.campaigns.streams import order
from loadtests.raw import RawError
from loadtests.transactions import Recorder

LOOK_SECONDS = 0.1
PROGRESS_SECONDS = 2.0
HERE_SECONDS = 30.0
PREPARE_SECONDS = 300.0  # profiles are made; the largest take some seconds
DELAY_SECONDS = 0.2  # from the word to the begin: more than a message takes
VANISHED_SECONDS = 10.0  # without a sign of life, which comes every second


class Conductor:
    """One campaign: `prepare` at Locust's `test_start`, `begin` at `spawning_complete`, `finish` at `test_stopping`.

    Args:
        locust_environment: Locust's, with its runner.
        plan: the campaign.
        run: names the run, the source of all UIDs.
        folder: where all files go.
        say: takes a line for the user.
        over: called in a greenlet of its own when the campaign is over: it stops the runner.
        interruption: whether the user wants it to end.
        shares_folder: the workers can write into `folder` themselves.
        calibrates: what the generator could send is measured first.
    """

    def __init__(
        self,
        locust_environment: Any,
        plan: Plan,
        run: str,
        folder: Path,
        say: Callable[[str], None],
        over: Callable[[], None],
        interruption: Interruption | None = None,
        *,
        shares_folder: bool,
        calibrates: bool,
    ) -> None:
        self.plan, self.run, self.folder = plan, run, folder
        self.started = datetime.now(UTC)
        self.ended = ""
        """Why it ended, in a word or two."""
        self.failures: list[str] = []
        self.recorder = Recorder()
        self.progress = Progress(plan)
        self._locust, self._say, self._over, self._interruption = locust_environment, say, over, interruption
        self._runner = locust_environment.runner
        self._shares_folder, self._calibrates = shares_folder, calibrates
        self._calibrations: list[dict[str, float]] = []
        self._master = isinstance(self._runner, MasterRunner)
        self.here: set[str] = set()
        """Workers that listen."""
        self._workers: list[str] = []
        self._waiting: set[int] = set()
        self._heard: dict[int, float] = {}
        self._said_no_more = self._finishing = False
        self._watcher: gevent.Greenlet | None = None
        self._copies = Copies(folder, self._count)
        self._closed = False
        self.steps = StepWatch(plan, plan.shape) if isinstance(plan.shape, Steps) else None
        """What the steps were like, where the shape is steps."""
        listeners: dict[str, messages.Listener] = {
            "here": lambda sender, _: self.here.add(sender),
            "ready": self._on_answer,
            "closed": self._on_answer,
            "progress": self._on_progress,
            "append": self._on_append,
            "has-stored": self._on_stored,
        }
        messages.listen(self._runner, listeners)

    @property
    def has_begun(self) -> bool:
        """Whether any load was made."""
        return self._watcher is not None

    @property
    def calibration(self) -> dict[str, float] | None:
        """What all processes together could send (see `loadtests.calibration`)."""
        return together(self._calibrations)

    @property
    def users_died(self) -> int:
        """Users that ended by an exception of their own."""
        return sum(error["count"] for error in self._runner.exceptions.values())

    def _send(self, kind: str, data: dict[str, Any] | None = None, worker: int | None = None) -> None:
        indexes = range(len(self._workers)) if worker is None else (worker,)
        for index in indexes:
            messages.send(self._runner, kind, data or {}, self._workers[index])

    # ---- begin

    def prepare(self, **_: Any) -> None:
        """Tell everybody what will be done, and wait until all are ready for it."""
        self._workers = ["local"]
        if self._master:
            clients = self._runner.clients
            self._workers = order([one.id for one in clients.ready + clients.running + clients.spawning])
            deadline = time.monotonic() + HERE_SECONDS
            while not self.here.issuperset(self._workers) and time.monotonic() < deadline:
                gevent.sleep(LOOK_SECONDS)
        everybody = {
            "plan": self.plan.model_dump_json(exclude_unset=True),
            "run": self.run,
            "started": self.started.isoformat(),
            "workers": len(self._workers),
            "calibrates": self._calibrates,
            "folder": str(self.folder.resolve()) if self._shares_folder else None,
        }
        self._ask("prepare", [{**everybody, "index": index} for index in range(len(self._workers))], PREPARE_SECONDS)

    def begin(self, **_: Any) -> None:
        """Let the users begin, who are all there; from now on it is watched."""
        if self._watcher is not None:
            return  # Locust's web interface can spawn again; the plan says how many there are
        if self.failures:
            self._end("failed")
            return
        if calibration := self.calibration:
            self._say(
                f"the generator could send {calibration['instances_per_second']:.0f} of this campaign's instances/s, "
                f"{calibration['megabytes_per_second']:.0f} MB/s"
            )
        self.started = datetime.now(UTC) + timedelta(seconds=DELAY_SECONDS)
        self.recorder.begun = time.monotonic() + DELAY_SECONDS
        self._send("begin", {"delay": DELAY_SECONDS, "started": self.started.isoformat()})
        if not self._master:
            self.recorder = self._locust.campaign.recorder
        self._heard = dict.fromkeys(range(len(self._workers)), time.monotonic())
        self._watcher = gevent.spawn(self._watch)

    # ---- meanwhile

    def _watch(self) -> None:
        shown = self.recorder.begun
        while not self._finishing:
            gevent.sleep(LOOK_SECONDS)
            now = time.monotonic()
            elapsed = now - self.recorder.begun
            if reason := self._reason_to_end(now, elapsed):
                self._end(reason)
                return
            if now - shown >= PROGRESS_SECONDS:
                shown = now
                self._say(self.progress.line(self.recorder, elapsed))

    def _reason_to_end(self, now: float, elapsed: float) -> str:
        if self._interruption and self._interruption.asked:
            return "interrupted"
        self._look_for_vanished(now)
        if self.failures:
            return "failed"
        if self.progress.users == 0 if self._master else not self._runner.user_count:
            return "finished"
        if self.steps is not None and self.steps.look(elapsed, self.progress, self.recorder):
            self._say(f"the knee is found: {self.steps.steps[-1].knee} at factor {self.steps.steps[-1].factor:g}")
            return "knee"
        late = self.progress.sessions().late
        if elapsed >= self.plan.seconds + (self.plan.answer_timeout_seconds if late else 0):
            self._say(f"the limit of {self.plan.seconds:g} s is reached")
            return "time"
        return ""

    def _look_for_vanished(self, now: float) -> None:
        for index in [index for index, heard in self._heard.items() if self._master and now - heard > VANISHED_SECONDS]:
            del self._heard[index]
            self._waiting.discard(index)
            self.failures.append(
                f"worker {index} ({self._workers[index]}) has vanished: no sign of life for {VANISHED_SECONDS:g} s"
            )

    def _end(self, reason: str) -> None:
        self.ended = self.ended or reason
        gevent.spawn(self._over)

    def fail(self, words: str) -> None:
        """End the campaign as failed, for this reason; once all is over there is none any more."""
        if not self._closed:
            self.failures.append(words)

    def _on_progress(self, _: str, data: dict[str, Any]) -> None:
        self._heard[data["worker"]] = time.monotonic()
        self.progress.take_in(data)
        if self._master and not self._said_no_more and self.progress.complete(len(self._workers)):
            self._said_no_more = True
            self._send("no-more")

    def _on_append(self, _: str, data: dict[str, Any]) -> None:
        self._heard[data["worker"]] = time.monotonic()
        try:
            self._copies.append(data["file"], data["offset"], data["piece"])
        except (OSError, RawError) as error:
            self.failures.append(f"{data['file']} of worker {data['worker']} can't be kept: {error}")

    def _count(self, transactions: list[Any]) -> None:
        if self._master:
            for one in transactions:
                self.recorder.count(one)

    def _on_stored(self, _: str, data: dict[str, Any]) -> None:
        for index in range(len(self._workers)):
            if index != data["worker"]:
                self._send("stored", data, index)

    # ---- end

    def finish(self, **_: Any) -> None:
        """Let all end what they are at and close their files, before Locust stops them."""
        self._finishing = True
        self.ended = self.ended or "stopped"
        self._ask("finish", [{}] * len(self._workers), self.plan.answer_timeout_seconds + 3 * SPARE_SECONDS)
        self._copies.close()
        self._closed = True
        for error in self._runner.exceptions.values():
            self._say(f"{error['count']} users died: {error['msg']}\n{error['traceback']}")

    def _on_answer(self, _: str, data: dict[str, Any]) -> None:
        if data["problem"]:
            self.failures.append(f"worker {data['worker']}: {data['problem']}")
        if data.get("calibration"):
            self._calibrations.append(data["calibration"])
        self._waiting.discard(data["worker"])

    def _ask(self, kind: str, data: list[dict[str, Any]], seconds: float) -> None:
        """Send each worker its part, and wait for all answers; not for those that vanish meanwhile."""
        self._waiting = set(self._heard or range(len(self._workers)))
        for index in sorted(self._waiting):
            self._send(kind, data[index], index)
        deadline = time.monotonic() + seconds
        while self._waiting and time.monotonic() < deadline:
            gevent.sleep(LOOK_SECONDS)
            self._look_for_vanished(time.monotonic())
        for index in sorted(self._waiting):
            self.failures.append(f"worker {index} ({self._workers[index]}) has not answered within {seconds:g} s")
