"""The work of a campaign: studies to be stored, and stored ones to be retrieved, shared by all users of a process."""

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from loadtests.campaigns.plan import Plan
from loadtests.campaigns.streams import Stream
from loadtests.environment import Environment
from loadtests.ledger import Ledger
from loadtests.profiles.catalogue import profile
from loadtests.profiles.study import Study
from loadtests.transactions import Recorder

KEPT_STUDIES = 200
KEPT_INSTANCES = 20_000
"""Of each profile, for those who read at random: 250 bytes an instance, so 5 MB a profile."""


@dataclass(slots=True, frozen=True)
class StoredStudy:
    """A stored study, and what of it was acknowledged: series UID -> SOP instance UID -> hash of its pixels."""

    study: Study
    series: dict[str, dict[str, str]]


def turns(weights: Mapping[str, float]) -> Iterator[str]:
    """The names for ever, each as often as its weight says, as evenly as it goes (so that a few hold the mix too)."""
    total, given = sum(weights.values()), dict.fromkeys(weights, 0)
    number = 0
    while True:
        number += 1
        due = max(weights, key=lambda name: number * weights[name] / total - given[name])
        given[due] += 1
        yield due


class Work:
    """Hands out work and takes results; for any number of threads or greenlets.

    Args:
        plan: the campaign's.
        run: its run's name: the source of all UIDs.
        performed: when the studies were.
        streams: the streams of this process, by name.
        elsewhere: whether there are other processes: then `no_more` says when all has been stored.
    """

    def __init__(
        self, plan: Plan, run: str, performed: datetime, streams: Mapping[str, Stream], *, elsewhere: bool = False
    ) -> None:
        self._plan, self._run, self._performed, self.streams = plan, run, performed, streams
        self.stored = 0
        """Studies that this process has stored, as far as they were."""
        self.retrieved = 0
        self.stopped = False
        self.on_stored: Callable[[StoredStudy], None] = lambda _: None
        """Called for each study that a user of this process has stored: the other processes want to know."""
        self._elsewhere, self._complete = elsewhere, False
        self._indexes = {one.name: index for index, one in enumerate(plan.streams)}
        self._counts = dict.fromkeys(streams, 0)
        self._turns = {name: turns(stream.plan.profiles) for name, stream in streams.items() if stream.plan.profiles}
        self._waiting: dict[str, deque[StoredStudy]] = {
            name: deque() for name, stream in streams.items() if stream.plan.retrieves_all
        }
        self._kept: dict[str, _Kept] = {}
        self._changed = threading.Condition()

    def next_study(self, stream: Stream) -> Study | None:
        """The next one that this stream stores; None when the campaign is stopped.

        Raises:
            ValueError: the stream's plan has no profiles.
        """
        if self.stopped:
            return None
        name, share = stream.plan.name, stream.share
        if name not in self._turns:
            raise ValueError(f"stream {name}: profiles cannot be empty where studies are stored")
        with self._changed:
            count = self._counts[name]
            # every part counts all turns, so that the mix is the plan's whoever sends it
            for _ in range(share.part + 1 if not count else share.parts):
                kind = next(self._turns[name])
            self._counts[name] = count + 1
        index = count * share.parts + share.part
        number = 1 + self._indexes[name] + len(self._plan.streams) * index
        return self.study(kind, number)

    def study(self, kind: str, number: int) -> Study:
        """The run's study of this profile and number: the same in every process."""
        plan = self._plan
        instances = plan.streams[(number - 1) % len(plan.streams)].instances
        return Study(profile(kind, plan.seed), self._run, number, instances, self._performed, plan.seed)

    def has_stored(self, study: Study, series: dict[str, dict[str, str]]) -> None:
        """Say that this study has been stored as far as it was."""
        one = StoredStudy(study, series)
        self.stored += 1
        self.on_stored(one)
        self.take_in(one)

    def take_in(self, one: StoredStudy) -> None:
        """Note a stored study, of this process or of another one."""
        if not one.series:
            return
        with self._changed:
            for name, queue in self._waiting.items():
                share = self.streams[name].share
                if one.study.number % share.parts == share.part:
                    queue.append(one)
            self._kept.setdefault(one.study.profile.name, _Kept()).add(one)
            self._changed.notify_all()

    def each_stored(self, stream: Stream) -> Iterator[StoredStudy]:
        """Stored studies, each once in all users of this stream together; waits for them until none will come."""
        queue = self._waiting[stream.plan.name]
        while True:
            with self._changed:
                while not (queue or self.stopped or self._none_will_come()):
                    self._changed.wait(0.5)  # a stream that ends doesn't say so here
                if self.stopped or not queue:
                    return
                one = queue.popleft()
            yield one
            self.retrieved += 1

    def any_stored(self, random: np.random.Generator, profiles: Collection[str] | None = None) -> StoredStudy | None:
        """One of the stored studies, of these profiles if they are named; None while there is none."""
        with self._changed:
            kept = [one for name, one in self._kept.items() if one.studies and (not profiles or name in profiles)]
            if not kept:
                return None
            at = int(random.integers(sum(len(one.studies) for one in kept)))
            for one in kept:
                if at < len(one.studies):
                    return one.studies[at]
                at -= len(one.studies)
        raise AssertionError("unreachable: the index is below the sum")

    @property
    def storing_finished(self) -> bool:
        """Whether all streams of this process that may store have ended."""
        return all(stream.finished for stream in self.streams.values() if not stream.plan.retrieves_all)

    def no_more(self) -> None:
        """Say that no process stores any more."""
        with self._changed:
            self._complete = True
            self._changed.notify_all()

    def stop(self) -> None:
        """Let every user end after the request that it is at."""
        for stream in self.streams.values():
            stream.end()
        with self._changed:
            self.stopped = True
            self._changed.notify_all()

    def _none_will_come(self) -> bool:
        return self._complete if self._elsewhere else self.storing_finished


class _Kept:
    """Stored studies in bounded memory; when it is full a new one takes the oldest one's place."""

    def __init__(self) -> None:
        self.studies: deque[StoredStudy] = deque()
        self._instances = 0

    def add(self, one: StoredStudy) -> None:
        self.studies.append(one)
        self._instances += _instances(one)
        while len(self.studies) > KEPT_STUDIES or (self._instances > KEPT_INSTANCES and len(self.studies) > 1):
            self._instances -= _instances(self.studies.popleft())


def _instances(one: StoredStudy) -> int:
    return sum(map(len, one.series.values()))


@dataclass
class Campaign:
    """All that a user needs: hung to Locust's environment as `campaign`."""

    plan: Plan
    run: str
    environment: Environment
    work: Work
    ledger: Ledger
    recorder: Recorder
    started: datetime
