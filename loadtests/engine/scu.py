"""The SCU: one association, used for as many operations as wanted."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType

from exporters.dimse import command, status, uids
from exporters.dimse.association import Association, Context, propose
from exporters.dimse.command import Command, CommandField
from exporters.dimse.errors import NoContextError
from exporters.dimse.items import RoleSelection, UserInformation
from exporters.dimse.message import Message, fragments
from exporters.dimse.pdu import AssociateAccept, AssociateRequest, ReleaseReply, ReleaseRequest
from exporters.dimse.stream import Buffer
from loadtests.engine.connection import Connection
from loadtests.engine.errors import ContextError, NonsenseError, ScuError, StatusError

OnInstance = Callable[[Message, str], int]
"""Takes a C-STORE request of a C-GET and its transfer syntax; returns the status to answer with."""


@dataclass(slots=True, frozen=True)
class Target:
    """Who is called, who calls, and how long is waited (seconds).

    `answer_timeout` bounds one operation as a whole; of C-GET and C-FIND the time from one answer to the next.
    """

    host: str
    port: int
    called_ae_title: str
    calling_ae_title: str = "VNAOPS_LOAD"
    connect_timeout: float = 5.0
    association_timeout: float = 10.0
    answer_timeout: float = 30.0


@dataclass(slots=True, frozen=True)
class Answer:
    """How an operation ended that did not fail: its status (success or a warning) and its duration in seconds."""

    status: int
    seconds: float


@dataclass(slots=True, frozen=True)
class GetAnswer:
    """How a C-GET ended: status, duration in seconds, sub-operations."""

    status: int
    seconds: float
    completed: int
    failed: int
    warning: int


class Scu:
    """An open association. As a context manager it is released at the end, or aborted after an error.

    Args:
        target: whom to call.
        contexts: pairs of abstract syntax and transfer syntaxes.
        retrieves: SOP classes whose instances C-GET is to bring over this association: we are their SCP.

    Raises:
        ScuError: there is no association; its subclass says why.
    """

    def __init__(
        self, target: Target, contexts: Iterable[tuple[str, Iterable[str]]], retrieves: Iterable[str] = ()
    ) -> None:
        self.target = target
        roles = tuple(RoleSelection(sop_class, scu=False, scp=True) for sop_class in retrieves)
        user = UserInformation(roles=roles)
        request = AssociateRequest(target.called_ae_title, target.calling_ae_title, propose(contexts), user)
        self._association = Association.requestor(request)
        self._contexts: dict[tuple[str, str | None], Context] = {}
        begun = time.perf_counter()
        self._connection = Connection(self._association, target.host, target.port, target.connect_timeout)
        self.connect_seconds = time.perf_counter() - begun
        self._connection.begin("association", target.association_timeout)
        self._connection.send([self._association.open()])
        event = self._connection.receive()
        if not isinstance(event, AssociateAccept):
            raise self._nonsense("association", f"{type(event).__name__} instead of an answer to A-ASSOCIATE-RQ")
        self.associate_seconds = time.perf_counter() - begun - self.connect_seconds

    def __enter__(self) -> "Scu":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.release()
        else:
            self.abort()

    # Operations

    def echo(self) -> Answer:
        """C-ECHO. Raises ScuError."""
        context = self._context(uids.VERIFICATION)
        message_id = self._association.next_message_id()
        return self._simple(
            "C-ECHO", self._association.message(context.id, command.echo_request(message_id)), message_id
        )

    def store(
        self, sop_class_uid: str, sop_instance_uid: str, transfer_syntax: str, buffers: tuple[Buffer, ...]
    ) -> Answer:
        """C-STORE of a data set that lies in one buffer or several; none is copied.

        Raises:
            StatusError: the peer refused it.
            NoAnswerError: it may be stored or not.
            ContextError: the peer doesn't take this SOP class in this transfer syntax; nothing was sent.
        """
        context = self._context(sop_class_uid, transfer_syntax)
        message_id = self._association.next_message_id()
        parts = self._association.store(message_id, context.id, sop_class_uid, sop_instance_uid, buffers[0])
        for buffer in buffers[1:]:
            _not_last(parts)
            limit = self._association.peer_max_length
            parts += fragments(context.id, is_command=False, data=buffer, max_length=limit)
        return self._simple("C-STORE", parts, message_id)

    def find(self, model: str, identifier: bytes) -> Iterator[bytearray]:
        """C-FIND: the matches' identifiers, in the transfer syntax of the context.

        Raises:
            StatusError: the peer refused, or gave up in the middle.
            NoAnswerError: the answers end before the final one.
        """
        for message in self._query("C-FIND", command.find_request, model, identifier):
            if message.data_set is not None and _is_pending(message.command):
                yield message.data_set

    def get(self, model: str, identifier: bytes, on_instance: OnInstance) -> GetAnswer:
        """C-GET; each instance that comes is handed to `on_instance`, whose status is the answer.

        Raises:
            StatusError: the peer refused, or could send nothing.
            NoAnswerError: the answers end before the final one.
        """
        begun = time.perf_counter()
        final = Command(0)
        for message in self._query("C-GET", command.get_request, model, identifier):
            final = message.command
            if final.command_field == CommandField.C_STORE_RQ:
                transfer_syntax = self._association.contexts[message.context_id].transfer_syntax
                answer = command.response(final, on_instance(message, transfer_syntax))
                self._connection.send(self._association.message(message.context_id, answer))
        seconds = time.perf_counter() - begun
        counts = (final.completed_suboperations, final.failed_suboperations, final.warning_suboperations)
        completed, failed, warning = (count or 0 for count in counts)
        return GetAnswer(final.status or 0, seconds, completed, failed, warning)

    def release(self) -> None:
        """End the association in order. Raises ScuError if the peer doesn't; the connection is closed anyway."""
        try:
            self._connection.begin("release", self.target.connect_timeout)
            self._connection.send([self._association.release()])
            while not isinstance(event := self._connection.receive(), ReleaseReply):
                if isinstance(event, ReleaseRequest):  # both have asked at once (PS3.8 section 9.2, Sta9)
                    self._connection.send([self._association.release_reply()])
        finally:
            self._connection.kill()

    def abort(self) -> None:
        """End it at once."""
        self._connection.abort()

    # Within

    def _context(self, abstract_syntax: str, transfer_syntax: str | None = None) -> Context:
        key = abstract_syntax, transfer_syntax
        if (context := self._contexts.get(key)) is None:
            try:
                context = self._contexts[key] = self._association.context_for(abstract_syntax, transfer_syntax)
            except NoContextError as error:
                raise ContextError(str(error)) from None
        return context

    def _simple(self, operation: str, parts: list[Buffer], message_id: int) -> Answer:
        begun = time.perf_counter()
        self._connection.begin(operation, self.target.answer_timeout)
        self._connection.send(parts)
        answer = self._answer(operation, message_id).command
        seconds = time.perf_counter() - begun
        return Answer(_judged(operation, answer), seconds)

    def _query(
        self, operation: str, request: Callable[[int, str], Command], model: str, identifier: bytes
    ) -> Iterator[Message]:
        """Requests and responses that come until the final one, that one included, its status judged."""
        context = self._context(model)
        message_id = self._association.next_message_id()
        parts = self._association.message(context.id, request(message_id, model), identifier)
        self._connection.begin(operation, self.target.answer_timeout)
        self._connection.send(parts)
        while True:
            message = self._answer(operation, message_id, stores=operation == "C-GET")
            is_final = message.command.is_response and not _is_pending(message.command)
            if is_final:
                _judged(operation, message.command)
            yield message
            if is_final:
                return
            self._connection.begin(operation, self.target.answer_timeout)

    def _answer(self, operation: str, message_id: int, *, stores: bool = False) -> Message:
        event = self._connection.receive()
        if not isinstance(event, Message):
            raise self._nonsense(operation, f"{type(event).__name__} instead of an answer")
        got = event.command
        if stores and got.command_field == CommandField.C_STORE_RQ and event.data_set is not None:
            return event
        if not got.is_response:
            raise self._nonsense(operation, f"request 0x{got.command_field:04X} instead of an answer")
        if got.message_id_responded_to != message_id:
            raise self._nonsense(operation, f"answer to message {got.message_id_responded_to} instead of {message_id}")
        if got.status is None:
            raise self._nonsense(operation, "answer without a status")
        return event

    def _nonsense(self, operation: str, why: str) -> ScuError:
        self._connection.abort()
        return NonsenseError(operation, why)


def _not_last(parts: list[Buffer]) -> None:
    """Let the data set go on behind these parts: its last fragment's control header stops saying that it ends."""
    at = -2 if len(parts) > 1 else -1
    parts[at] = bytes(parts[at])[:-1] + b"\0"


def _is_pending(answer: Command) -> bool:
    return answer.is_response and status.status_class(answer.status or 0) is status.StatusClass.PENDING


def _judged(operation: str, answer: Command) -> int:
    """The status, if it is success or a warning. Raises StatusError."""
    code = answer.status or 0
    if status.status_class(code) in (status.StatusClass.FAILURE, status.StatusClass.CANCEL):
        raise StatusError(operation, code, answer.error_comment or "")
    return code
