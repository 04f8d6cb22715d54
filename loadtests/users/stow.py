"""Storing by STOW-RS: what an answer says of each instance, and its entry in the ledger."""

import json
from collections.abc import Sequence
from http import HTTPStatus
from time import monotonic

from loadtests import dicomweb
from loadtests.campaigns.plan import Operation
from loadtests.ledger import Conclusion, State
from loadtests.profiles.instance import Instance
from loadtests.transactions import Outcome, RequestFailed
from loadtests.users.base import RETRY_SECONDS
from loadtests.users.dicomweb import DICOM_JSON, JSON_LIMIT, STRANGER, addresses
from loadtests.users.dimse import Acknowledged
from loadtests.users.http import HttpError
from loadtests.users.options import StowOptions
from loadtests.users.web_reader import WebReader

SERVICE_UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE
_BADNESS = {State.ACKNOWLEDGED: 0, State.REFUSED: 1, State.UNKNOWN: 2}


class StowUser(WebReader):
    """Stores a few instances a request."""

    abstract = True

    def store(self, batch: Sequence[Instance], acknowledged: Acknowledged, intended: float | None = None) -> None:
        """Store these in one request; again where nobody was there to take it (the balancer says 503)."""
        while not self._attempt(batch, acknowledged, intended) and not self.campaign.work.stopped:
            self.pause(RETRY_SECONDS)

    def _attempt(self, batch: Sequence[Instance], acknowledged: Acknowledged, intended: float | None) -> bool:
        """Returns whether somebody has taken the request."""
        body = dicomweb.stow_request(batch)
        headers = {"Content-Type": body.content_type, "Accept": DICOM_JSON}
        self.campaign.ledger.announce(Operation.STOW_RS, batch)
        started, status, answered = monotonic(), 0, b""
        sent, failure = True, ""
        try:
            with self.request("POST", f"studies/{batch[0].study_uid}", headers, body.buffers, body.length) as answer:
                status, answered = answer.status, answer.body(JSON_LIMIT)
        except HttpError as error:
            sent, failure = error.sent, error.kind
        ended = monotonic()
        taken = sent and status != SERVICE_UNAVAILABLE
        said = judge(batch, status, answered, failure, taken=taken)
        self.campaign.ledger.conclude(
            [Conclusion(one.sop_instance_uid, state, words, ended - started) for one, state, words in said]
        )
        stored = [one for one, state, _ in said if state is State.ACKNOWLEDGED]
        for one in stored:
            acknowledged.setdefault(one.series_uid, {})[one.sop_instance_uid] = one.pixel_sha256
        _, worst, words = max(said, key=lambda one: _BADNESS[one[1]])
        wrong = None
        if worst is not State.ACKNOWLEDGED:
            wrong = RequestFailed(words, Outcome.UNKNOWN if worst is State.UNKNOWN else Outcome.FAILED)
        held = list(addresses([json.loads(answered)])) if stored else []  # `judge` has found that it is an answer
        if any(self.leads_astray(one.url) for one in held):
            wrong = wrong or RequestFailed(STRANGER)
        self.report(
            Operation.STOW_RS,
            intended=intended,
            started=started,
            ended=ended,
            instances=len(stored),
            size=sum(one.size for one in stored),
            error=wrong,
            status=words,
        )
        if self.options(StowOptions).follow_urls:
            self.follow(held, 2 * body.length + self.ALLOWANCE)
        return taken


def judge(
    batch: Sequence[Instance], status: int, body: bytes, failure: str, *, taken: bool
) -> list[tuple[Instance, State, str]]:
    """What became of each instance: refused only where the archive (or nobody) said so, else unknown.

    Args:
        status: of the answer; 0 where there is none.
        failure: what was wrong with the exchange, empty if nothing.
        taken: whether somebody was there to take the request.
    """
    if not taken:
        return [(one, State.REFUSED, failure or f"HTTP {status}") for one in batch]
    if failure:
        return [(one, State.UNKNOWN, failure) for one in batch]
    if status >= 500:  # the balancer says so too when the archive's answer was lost
        return [(one, State.UNKNOWN, f"HTTP {status}") for one in batch]
    try:
        said = dicomweb.stow_answer(body)
    except (dicomweb.DicomWebError, RecursionError):
        state = State.REFUSED if status >= 400 else State.UNKNOWN
        return [(one, state, f"HTTP {status} without a STOW-RS answer") for one in batch]
    judged = []
    for one in batch:
        stored = said.get(one.sop_instance_uid)
        if stored is None:
            judged.append((one, State.UNKNOWN, "not mentioned in the answer"))
        elif stored.stored:
            judged.append((one, State.ACKNOWLEDGED, f"HTTP {status} {stored.reason}".rstrip()))
        else:
            judged.append((one, State.REFUSED, f"failure reason 0x{stored.reason}"))
    return judged
