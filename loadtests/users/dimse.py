"""What users that speak DIMSE have in common: whom they call, and how an instance is stored and noted in the ledger."""

import time
from functools import cached_property

import gevent
from locust.exception import StopUser

from loadtests.engine.errors import NoAnswerError, ScuError, StatusError
from loadtests.engine.scu import Scu, Target
from loadtests.ledger import Conclusion, State
from loadtests.profiles.instance import Instance
from loadtests.transactions import Outcome, RequestFailed
from loadtests.users.base import RETRY_SECONDS, CampaignUser
from loadtests.users.options import DimseOptions

Acknowledged = dict[str, dict[str, str]]
"""Series UID -> SOP instance UID -> hash of the pixels, of what the archive has acknowledged."""


class LostAssociationError(Exception):
    """Another association is needed for the rest; what happened is reported already."""


class DimseUser(CampaignUser):
    """Knows whom to call."""

    abstract = True

    @cached_property
    def target(self) -> Target:
        """The environment's front door."""
        environment, timeout = self.campaign.environment, self.campaign.plan.answer_timeout_seconds
        if not self.options(DimseOptions).tls:
            door = environment.dicom
            return Target(door.host, door.port, door.ae_title, door.calling_ae_title, answer_timeout=timeout)
        secure = environment.dicom_tls
        if secure is None:
            raise LookupError("the environment has no door for DICOM over TLS (see `requirements`)")
        names = (secure.ae_title, secure.calling_ae_title)
        return Target(secure.host, secure.port, *names, answer_timeout=timeout, tls=secure.tls())

    def give_up(self, operation: str, error: ScuError, started: float, intended: float | None = None) -> None:
        """Report an operation that could not begin, and wait before the next attempt."""
        self.report(
            operation,
            intended=intended,
            started=started,
            ended=time.monotonic(),
            error=RequestFailed(error.kind),
            status=error.kind,
        )
        if self.campaign.work.stopped:
            raise StopUser
        gevent.sleep(RETRY_SECONDS)

    def send(self, scu: Scu, instance: Instance, acknowledged: Acknowledged, intended: float | None = None) -> None:
        """C-STORE of one instance, announced to the ledger before and concluded after.

        Raises:
            LostAssociationError: nothing more can be sent over this association.
        """
        ledger = self.campaign.ledger
        ledger.announce("C-STORE", [instance])
        started = time.monotonic()
        state, failure, lost = State.ACKNOWLEDGED, None, False
        try:
            answer = scu.store(
                instance.sop_class_uid, instance.sop_instance_uid, instance.transfer_syntax, instance.buffers
            )
            said = f"0x{answer.status:04X}"
        except ScuError as error:
            unanswered = isinstance(error, NoAnswerError)
            state = State.UNKNOWN if unanswered else State.REFUSED
            failure = RequestFailed(error.kind, Outcome.UNKNOWN if unanswered else Outcome.FAILED)
            said, lost = error.kind, not isinstance(error, StatusError)
        ended = time.monotonic()
        ledger.conclude([Conclusion(instance.sop_instance_uid, state, said, ended - started)])
        self.report(
            "C-STORE",
            intended=intended,
            started=started,
            ended=ended,
            instances=1,
            size=instance.size,
            error=failure,
            status=said,
        )
        if state is State.ACKNOWLEDGED:
            acknowledged.setdefault(instance.series_uid, {})[instance.sop_instance_uid] = instance.pixel_sha256
        if lost:
            raise LostAssociationError
