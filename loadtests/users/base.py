"""What all users of a campaign have in common."""

import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, TypeVar
from zlib import crc32

import gevent
import numpy as np
from locust import User, task
from locust.exception import StopUser

from loadtests.dataset import Fingerprint
from loadtests.transactions import RequestFailed
from loadtests.users.options import OPTIONS, Options

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival
    from loadtests.campaigns.streams import Stream
    from loadtests.campaigns.work import Campaign, StoredStudy

Model = TypeVar("Model", bound=Options)

NOTHING_STORED_SECONDS = 0.1  # between two looks
RETRY_SECONDS = 1.0  # before the next attempt where nobody took a request; a replica leaves the balancer within ten


class CampaignUser(User):
    """Works through its stream's arrivals, one session each. Subclasses say what in `session`.

    The clock is `time.monotonic` throughout.
    """

    abstract = True
    stream: "ClassVar[Stream]"
    request_type = "DIMSE"
    _options: Options | None = None
    _lateness = 0.0

    @property
    def campaign(self) -> "Campaign":
        """The campaign that was hung to Locust's environment."""
        campaign: Campaign = self.environment.campaign
        return campaign

    def options(self, model: type[Model]) -> Model:
        """The stream's options, as the behaviour's own model, which is a `model`."""
        plan = self.stream.plan
        if self._options is None:
            self._options = OPTIONS[plan.behaviour, plan.protocol].model_validate(plan.options)
        if not isinstance(self._options, model):
            raise TypeError(f"{plan.behaviour} by {plan.protocol} has no {model.__name__}")
        return self._options

    def session(self, arrival: "Arrival") -> None:
        """All that one arrival brings: a study to store, a patient to read."""
        raise NotImplementedError

    @task
    def _work(self) -> None:
        for arrival in self.stream.arrivals():
            self._lateness = max(0.0, time.monotonic() - arrival.intended)
            self.session(arrival)
        raise StopUser

    def random(self, arrival: "Arrival") -> np.random.Generator:
        """The session's own source of chance: the same for the same seed, stream and arrival, whoever takes it."""
        return np.random.default_rng((self.campaign.plan.seed, crc32(self.stream.plan.name.encode()), arrival.number))

    def pick(self, random: np.random.Generator) -> "StoredStudy | None":
        """One of the stored studies, of the stream's profiles.

        While there is none a closed stream's user waits; an open one's arrival has nothing to do, and this is None.
        """
        work, plan = self.campaign.work, self.stream.plan
        while (stored := work.any_stored(random, tuple(plan.profiles))) is None and plan.rate is None:
            if work.stopped:
                raise StopUser
            gevent.sleep(NOTHING_STORED_SECONDS)
        return stored

    def report(
        self,
        operation: str,
        *,
        started: float,
        ended: float,
        intended: float | None = None,
        instances: int = 0,
        size: int = 0,
        error: RequestFailed | None = None,
        status: str = "",
    ) -> None:
        """Tell Locust, and through it the recorder, of an operation.

        Args:
            intended: when it ought to have begun. By default as long before `started` as the session began late: what
                an open workload's study has waited for a free user is the waiting of each of its operations.
        """
        if intended is None:
            intended = started - self._lateness
        self.environment.events.request.fire(
            request_type=self.request_type,
            name=operation,
            response_time=(ended - intended) * 1000,
            response_length=size,
            exception=error,
            context={
                **self.context(),
                "stream": self.stream.plan.name,
                "intended": intended,
                "started": started,
                "ended": ended,
                "instances": instances,
                "size": size,
                "status": status,
            },
        )


def wait_until(moment: float) -> float:
    """Wait until this moment of the monotonic clock; returns it."""
    gevent.sleep(max(0.0, moment - time.monotonic()))
    return moment


def everything(stored: "StoredStudy") -> dict[str, str]:
    """SOP instance UID -> hash, of all series of a stored study together."""
    return {uid: pixels for series in stored.series.values() for uid, pixels in series.items()}


def compared(expected: Mapping[str, str], came: Iterable[Fingerprint]) -> RequestFailed | None:
    """What is wrong with what came back, if anything; instances that nobody has expected are let pass.

    (They are there: sent, and stored without an acknowledgement.)
    """
    hashes: dict[str, str] = {}
    for one in came:
        if one.sop_instance_uid in hashes:
            return RequestFailed("returned an instance twice")
        hashes[one.sop_instance_uid] = one.pixel_sha256
    if any(uid in hashes and hashes[uid] != pixel_sha256 for uid, pixel_sha256 in expected.items()):
        return RequestFailed("returned other bytes than were stored")
    if expected.keys() - hashes.keys():
        return RequestFailed("returned fewer instances than were stored")
    return None
