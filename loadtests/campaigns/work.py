"""The work of a campaign: studies to be stored and stored ones to be retrieved, shared by all users."""

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from loadtests.campaigns.plan import Plan
from loadtests.environment import Environment
from loadtests.ledger import Ledger
from loadtests.profiles.ct import ComputedTomography
from loadtests.profiles.mr import MagneticResonance
from loadtests.profiles.study import Profile, Study
from loadtests.profiles.ultrasound import Ultrasound
from loadtests.transactions import Recorder

PROFILES: Mapping[str, type[ComputedTomography] | type[MagneticResonance] | type[Ultrasound]] = {
    "ct": ComputedTomography,
    "mr": MagneticResonance,
    "us": Ultrasound,
}


def studies(plan: Plan, run: str) -> list[Study]:
    """The plan's studies, kinds taking turns: the same for the same plan and run."""
    made: dict[str, Profile] = {kind.profile: PROFILES[kind.profile](plan.seed) for kind in plan.studies}
    left = [[kind.profile, kind.instances, kind.count] for kind in plan.studies]
    today = datetime.now(UTC)
    found: list[Study] = []
    while any(count for _, _, count in left):
        for kind in left:
            profile, instances, count = kind
            if count:
                kind[2] = int(count) - 1
                found.append(Study(made[str(profile)], run, len(found) + 1, int(instances), today))
    return found


@dataclass(slots=True, frozen=True)
class StoredStudy:
    """A stored study, and what of it was acknowledged: series UID -> SOP instance UID -> hash of its pixels."""

    study: Study
    series: dict[str, dict[str, str]]


class Work:
    """Hands out work and takes results; for any number of threads or greenlets.

    Args:
        readers: kinds of readers; each stored study is handed to one reader of each kind.
    """

    def __init__(self, waiting: list[Study], readers: tuple[str, ...]) -> None:
        self.total = len(waiting)
        self.stored = 0
        self.retrieved = 0
        self.stopped = False
        self._waiting = deque(waiting)
        self._stored: dict[str, deque[StoredStudy]] = {kind: deque() for kind in readers}
        self._changed = threading.Condition()

    @property
    def to_retrieve(self) -> int:
        """How many retrievals of a study there will have been when everything is done."""
        return self.total * len(self._stored)

    def studies_to_store(self) -> Iterator[Study]:
        """Studies to store, until there are none or the campaign is stopped."""
        while not self.stopped and self._waiting:
            yield self._waiting.popleft()

    def has_stored(self, study: Study, series: dict[str, dict[str, str]]) -> None:
        """Say that this study has been stored as far as it was."""
        with self._changed:
            self.stored += 1
            for queue in self._stored.values():
                queue.append(StoredStudy(study, series))
            self._changed.notify_all()

    def studies_to_retrieve(self, kind: str) -> Iterator[StoredStudy]:
        """Stored studies for a reader of this kind, waiting for them, until none will come."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stored[kind] or self.stopped or self.stored == self.total)
                if self.stopped or not self._stored[kind]:
                    return
                one = self._stored[kind].popleft()
            yield one
            with self._changed:
                self.retrieved += 1

    def stop(self) -> None:
        """Let every user end after the request that it is at."""
        with self._changed:
            self.stopped = True
            self._changed.notify_all()


@dataclass(frozen=True)
class Campaign:
    """All that a user needs: hung to Locust's environment as `campaign`."""

    plan: Plan
    run: str
    environment: Environment
    work: Work
    ledger: Ledger
    recorder: Recorder
    started: datetime
