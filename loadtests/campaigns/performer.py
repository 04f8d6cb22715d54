"""The part of a process that has users: prepares what it is told, tells how far it is, and closes its files at the end.

It is told by messages of Locust's runners, by a conductor in this process or in another one.
"""

import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import gevent
from locust.runners import WorkerRunner

from loadtests.calibration import calibrate
from loadtests.campaigns import messages
from loadtests.campaigns.generator import SECONDS, sizes
from loadtests.campaigns.plan import Plan
from loadtests.campaigns.streams import Stream, streams
from loadtests.campaigns.tail import Tail
from loadtests.campaigns.work import Campaign, StoredStudy, Work
from loadtests.environment import Environment
from loadtests.ledger import Ledger, LedgerError
from loadtests.profiles.catalogue import profile
from loadtests.raw import RawError, RawWriter
from loadtests.transactions import Recorder
from loadtests.users import BEHAVIOURS

REPORT_SECONDS = 1.0
HERE_SECONDS = 0.5
SPARE_SECONDS = 5.0  # over the answer time-out, for what a user does behind its last answer


def in_a_thread(call: Callable[[int], None], argument: int) -> object:
    """A call that blocks without gevent's knowledge, made where it holds up nobody: `fdatasync`."""
    return gevent.get_hub().threadpool.apply(call, (argument,))


class Performer:
    """Hangs itself to Locust's environment with its runner.

    Args:
        locust_environment: Locust's.
        environment: whom the campaign is run against.
    """

    def __init__(self, locust_environment: Any, environment: Environment) -> None:
        self._locust, self._environment = locust_environment, environment
        self._own: tempfile.TemporaryDirectory[str] | None = None
        self._campaign: Campaign | None = None
        self._writer: RawWriter | None = None
        self._reporter: gevent.Greenlet | None = None
        self._tails: list[Tail] = []
        self._worker = 0
        listeners: dict[str, messages.Listener] = {
            "prepare": self._prepare,
            "begin": self._begin,
            "stored": self._stored,
            "no-more": self._no_more,
            "finish": self._finish,
        }
        messages.listen(locust_environment.runner, listeners)
        if isinstance(locust_environment.runner, WorkerRunner):
            locust_environment.runner.greenlet.spawn(self._say_here)

    def _say_here(self) -> None:
        """Again and again while there is no campaign: a message to who doesn't listen yet is lost."""
        while True:
            if self._campaign is None:
                self._send("here")
            gevent.sleep(HERE_SECONDS)

    def _send(self, kind: str, **data: Any) -> None:
        messages.send(self._locust.runner, kind, {"worker": self._worker, **data})

    def _prepare(self, _: str, data: dict[str, Any]) -> None:
        self._worker, workers = data["index"], data["workers"]
        calibration = None
        try:
            plan = Plan.model_validate_json(data["plan"])
            self._make(plan, data["run"], datetime.fromisoformat(data["started"]), workers, data["folder"])
            if data["calibrates"] and (found := sizes(plan, data["run"])):
                calibration = calibrate(SECONDS, sizes=found).as_dict()
        except (LedgerError, OSError, ValueError, ImportError, RuntimeError) as error:
            self._send("ready", problem=str(error))
            return
        self._send("ready", problem="", calibration=calibration)

    def _make(self, plan: Plan, run: str, started: datetime, workers: int, folder: str | None) -> None:
        for name in sorted({name for stream in plan.streams for name in stream.profiles}):
            profile(name, plan.seed)  # seconds for some; not while load is under way
            gevent.sleep(0)  # Locust's heartbeat
        mine = streams(plan, self._worker, workers)
        work = Work(plan, run, started, mine, elsewhere=workers > 1)
        if workers > 1:
            work.on_stored = self._tell_stored
        self._own = tempfile.TemporaryDirectory(prefix="vnaops-campaign-")
        header = {"campaign": plan.name, "run": run, "seed": plan.seed, "worker": str(self._worker)}
        ledger = Ledger(
            Path(folder or self._own.name) / f"ledger-{self._worker}.jsonl",
            {**header, "started": started.isoformat(timespec="seconds"), "namespace": self._environment.namespace},
            in_a_thread,
        )
        self._tails = [] if folder else [Tail(ledger.path)]
        recorder = Recorder(worker=str(self._worker))
        self._campaign = Campaign(plan, run, self._environment, work, ledger, recorder, started)
        self._locust.campaign = self._campaign
        self._locust.user_classes = user_classes(plan, mine)

    def _begin(self, _: str, data: dict[str, Any]) -> None:
        campaign = self._campaign
        if campaign is None or self._own is None:
            return  # what couldn't be prepared; the conductor knows
        moment = time.monotonic() + data["delay"]
        header = {"campaign": campaign.plan.name, "run": campaign.run, "worker": str(self._worker)}
        path = Path(self._own.name) / f"transactions-{self._worker}.csv.zst"
        self._writer = RawWriter(path, {**header, "started": data["started"]})
        self._tails.append(Tail(path))
        campaign.recorder = Recorder(self._writer, str(self._worker))
        campaign.recorder.begun = moment
        self._locust.events.request.add_listener(campaign.recorder.on_request)
        for stream in campaign.work.streams.values():
            stream.begin(moment)
        self._reporter = gevent.spawn(self._report_regularly)

    def _report_regularly(self) -> None:
        while True:
            gevent.sleep(REPORT_SECONDS)
            self._report()

    def _report(self) -> None:
        campaign = self._campaign
        if campaign is None:
            return
        now, work = time.monotonic(), campaign.work
        self._send(
            "progress",
            streams={
                name: (stream.offered(now), stream.begun_sessions, stream.ended_sessions)
                for name, stream in work.streams.items()
            },
            users=self._locust.runner.user_count,
            stored=work.stored,
            retrieved=work.retrieved,
            complete=work.storing_finished,
        )
        for tail in self._tails:
            for offset, piece in tail.pieces():
                self._send("append", file=tail.path.name, offset=offset, piece=piece)

    def _tell_stored(self, one: StoredStudy) -> None:
        self._send("has-stored", profile=one.study.profile.name, number=one.study.number, series=one.series)

    def _stored(self, _: str, data: dict[str, Any]) -> None:
        """Another process has stored a study."""
        if self._campaign is not None:
            study = self._campaign.work.study(data["profile"], data["number"])
            self._campaign.work.take_in(StoredStudy(study, data["series"]))

    def _no_more(self, *_: Any) -> None:
        if self._campaign is not None:
            self._campaign.work.no_more()

    def _finish(self, *_: Any) -> None:
        """Let what is under way end, within the answer time-out, and close the files."""
        campaign = self._campaign
        if campaign is None:
            self._send("closed", problem="")
            return
        campaign.work.stop()
        users = self._locust.runner.user_greenlets
        users.join(timeout=campaign.plan.answer_timeout_seconds + SPARE_SECONDS)
        users.kill(timeout=SPARE_SECONDS)
        problem = ""
        if self._reporter is not None:
            self._reporter.kill()
            self._locust.events.request.remove_listener(campaign.recorder.on_request)
        try:
            if self._writer is not None:
                self._writer.close()
            campaign.ledger.close()
        except (RawError, LedgerError, OSError) as error:
            problem = str(error)
        if self._reporter is not None:
            self._report()
        if self._own is not None:
            self._own.cleanup()
        self._campaign = self._reporter = self._writer = None
        self._send("closed", problem=problem)


def user_classes(plan: Plan, mine: Mapping[str, Stream]) -> list[type[Any]]:
    """A class of Locust users per stream, named after it; it has its stream where this process has a part in it."""
    return [
        type(
            stream.name,
            (BEHAVIOURS[stream.behaviour, stream.protocol],),
            {"stream": mine.get(stream.name)},
        )
        for stream in plan.streams
    ]
