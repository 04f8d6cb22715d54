"""Follows one association's two byte streams as DICOM upper layer and DIMSE (PS3.8 section 9.3, PS3.7 section 9.3).

It is told what passed and when, decodes PDU heads, association PDUs and command sets, and skips over data sets by their
lengths: nothing of a patient is ever looked at. What it does not understand ends the following of that association,
not the relaying.
"""

from dataclasses import dataclass
from typing import Final

from exporters.dimse.command import RESPONSE, Command, CommandField
from exporters.dimse.errors import ProtocolError
from exporters.dimse.pdu import Abort, AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply, ReleaseRequest
from exporters.dimse.status import StatusClass, status_class
from exporters.dimse.stream import Buffer, Fragment, PduParser
from exporters.dimse_tap.labels import OTHER, AeTitles, sop_class_group, transfer_syntax_word
from exporters.dimse_tap.observer import Observer

TO_ARCHIVE, FROM_ARCHIVE = 0, 1
DIRECTIONS: Final = ("to_archive", "from_archive")
MAX_COMMAND: Final = 1 << 16  # a command set is a few hundred bytes; attribute lists can make it longer
MAX_PENDING: Final = 256  # outstanding operations: more than any asynchronous window in use

OPERATIONS: Final = {
    int(field): field.name.removesuffix("_RQ").replace("_", "-")
    for field in CommandField
    if not field & RESPONSE and field != CommandField.C_CANCEL_RQ
}
# who is waited for; see `Follower.waiting_for`
SENDER, ARCHIVE, NETWORK = "sender", "archive", "network"


@dataclass(slots=True)
class _Operation:
    name: str
    context: int
    sop_class: str
    started: float
    last_response: float | None = None


@dataclass(slots=True)
class _Message:
    """What is under way in one direction."""

    started: float
    command: bytearray
    context: int
    is_store: bool = False
    in_data_set: bool = False


class Follower:
    """One association. `passed` is the only entry; the durations that it reports run from the first byte of a request
    to the last byte of its final response's command set, both as they come to the tap."""

    def __init__(self, observer: Observer, titles: AeTitles) -> None:
        self._observer, self._titles = observer, titles
        self._parsers: list[PduParser] | None = [PduParser(), PduParser()]
        self._request: AssociateRequest | None = None
        self._requested_at = 0.0
        self._contexts: dict[int, tuple[str, str]] = {}  # id -> group of its abstract syntax, transfer syntax
        self._messages: list[_Message | None] = [None, None]
        self._pending: tuple[dict[int, _Operation], dict[int, _Operation]] = ({}, {})  # by who asked
        self.called = self.calling = OTHER
        self.open = False  # accepted, and not ended yet
        self.ended: str | None = None  # how, in the words of the metric; None: not seen

    @property
    def following(self) -> bool:
        """Whether the streams are still understood."""
        return self._parsers is not None

    @property
    def waiting_for(self) -> str | None:
        """Who has to act before the association's operations go on; None: nothing is asked of anybody.

        A message that has begun is its sender's to complete; a request that is complete is its receiver's to answer.
        """
        if self._messages[FROM_ARCHIVE] is not None:
            return ARCHIVE
        if self._messages[TO_ARCHIVE] is not None:
            return SENDER
        if self._pending[FROM_ARCHIVE]:  # C-GET's sub-operations: the archive stores, the requestor answers
            return SENDER
        return ARCHIVE if self._pending[TO_ARCHIVE] else None

    def passed(self, direction: int, data: Buffer, now: float) -> None:
        """These bytes went that way; `now` is a monotonic clock in seconds."""
        if self._parsers is None:
            return
        parser = self._parsers[direction]
        parser.feed(data)
        try:
            while (what := parser.next()) is not None:
                if isinstance(what, Fragment):
                    self._fragment(direction, what, now)
                else:
                    self._control(direction, what, now)
        except ProtocolError:
            self.give_up("protocol")

    def give_up(self, reason: str) -> None:
        """Follow no longer: what comes is not understood."""
        self._parsers = None
        self._messages = [None, None]
        for pending in self._pending:
            pending.clear()
        self._observer.unparsed(reason)

    # ---- the association

    def _control(self, direction: int, what: object, now: float) -> None:
        if isinstance(what, AssociateRequest):
            if direction != TO_ARCHIVE or self._request is not None:
                return self.give_up("unexpected-pdu")
            self._request, self._requested_at = what, now
            self.called = self._titles.label(what.called_ae_title)
            self.calling = self._titles.label(what.calling_ae_title)
            self._observer.heard(self.calling)
        elif isinstance(what, Abort):
            self.open = False
            provider = what.source == 2
            self.ended = "aborted-by-service-provider" if provider else "aborted-by-service-user"
            self._observer.aborted(what)
        elif self._request is None:
            self.give_up("unexpected-pdu")
        elif isinstance(what, AssociateAccept):
            self._accept(what, now)
        elif isinstance(what, AssociateReject):
            self.ended = "rejected"
            self._observer.associated(self.called, self.calling, "rejected", now - self._requested_at)
            self._observer.rejected(what)
        elif isinstance(what, ReleaseRequest | ReleaseReply):
            self.open = False
            self.ended = "released"
        return None

    def _accept(self, what: AssociateAccept, now: float) -> None:
        assert self._request is not None  # noqa: S101  (for the type checker: seen to by the caller)
        self.called = self._titles.accepted(self._request.called_ae_title)
        self.calling = self._titles.accepted(self._request.calling_ae_title)
        proposed = {context.id: context.abstract_syntax for context in self._request.contexts}
        self._contexts = {
            answer.id: (sop_class_group(proposed[answer.id]), transfer_syntax_word(answer.transfer_syntax))
            for answer in what.contexts
            if answer.accepted and answer.id in proposed
        }
        self.open = True
        self._observer.associated(self.called, self.calling, "accepted", now - self._requested_at)
        self._observer.heard(self.calling)

    # ---- its messages

    def _fragment(self, direction: int, piece: Fragment, now: float) -> None:
        message = self._messages[direction]
        if not piece.is_command:
            if message is None or not message.in_data_set:
                self.give_up("data-set-without-command")
            elif piece.last:
                self._messages[direction] = None
                if message.is_store:
                    self._observer.instance(DIRECTIONS[direction], self.calling)
            return
        if message is None:
            message = self._messages[direction] = _Message(now, bytearray(), piece.context_id)
        elif message.in_data_set:
            return self.give_up("command-within-data-set")
        if len(message.command) + len(piece.data) > MAX_COMMAND:
            return self.give_up("command-too-long")
        message.command += piece.data
        if piece.last:
            self._command(direction, message, Command.decode(message.command), now)
        return None

    def _command(self, direction: int, message: _Message, command: Command, now: float) -> None:
        message.in_data_set = command.has_data_set
        if not command.has_data_set:
            self._messages[direction] = None
        field = command.command_field
        if field & RESPONSE:
            self._response(direction, command, now)
        elif field in OPERATIONS and command.message_id is not None:
            message.is_store = field == CommandField.C_STORE_RQ
            pending = self._pending[direction]
            if len(pending) >= MAX_PENDING:
                return self.give_up("too-many-operations")
            sop_class = command.affected_sop_class_uid or command.requested_sop_class_uid or ""
            pending[command.message_id] = _Operation(OPERATIONS[field], message.context, sop_class, message.started)
            if direction == TO_ARCHIVE:
                self._observer.heard(self.calling)
        elif field != CommandField.C_CANCEL_RQ:
            self._observer.unparsed("unknown-command")
        return None

    def _response(self, direction: int, command: Command, now: float) -> None:
        pending = self._pending[1 - direction]
        operation = pending.get(command.message_id_responded_to or 0)
        if operation is None or command.status is None:
            return self._observer.unparsed("unexpected-response")
        if status_class(command.status) is StatusClass.PENDING:
            first = operation.last_response is None
            since = operation.started if operation.last_response is None else operation.last_response
            operation.last_response = now
            return self._observer.response(operation.name, self.called, self.calling, first, now - since)
        del pending[command.message_id_responded_to or 0]
        group, syntax = self._contexts.get(operation.context, (OTHER, OTHER))
        if operation.sop_class:  # a query's context may be of a class that it negotiates for others
            group = sop_class_group(operation.sop_class)
        seconds = now - operation.started
        return self._observer.operation(
            operation.name, self.called, self.calling, group, syntax, command.status, seconds
        )
