"""The SCU: one association, used for as many operations as wanted."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from types import TracebackType

from exporters.dimse import command, status, uids
from exporters.dimse.association import Association, Context, propose
from exporters.dimse.command import Command, CommandField
from exporters.dimse.errors import NoContextError
from exporters.dimse.items import RoleSelection, UserInformation
from exporters.dimse.message import Message, StoreExchange
from exporters.dimse.pdu import AssociateAccept, AssociateRequest, ReleaseReply, ReleaseRequest
from exporters.dimse.stream import Buffer
from loadtests.engine.answers import Answer, AnyStorable, Retrieved, Stored
from loadtests.engine.connect import Phases, Target, connect
from loadtests.engine.connection import Connection
from loadtests.engine.errors import (
    AnsweredAnotherError,
    AnsweredTwiceError,
    ContextError,
    NonsenseError,
    ScuError,
    StatusError,
)
from loadtests.engine.receiving import OnInstance, OpenSink, sink_opener

__all__ = ["Answer", "OnInstance", "OpenSink", "Retrieved", "Scu", "Stored", "Target"]

_MOST_AT_A_TIME = 256  # whatever is granted: their answers must fit the socket's buffer, or both sides wait to send


class Scu:
    """An open association. As a context manager it is released at the end, or aborted after an error.

    `phases` says how long its phases took, `window` how many operations at a time the peer grants (0: any number).

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
        self.target, self.phases = target, Phases()
        user = UserInformation(
            target.max_length,
            async_window=None if target.window == 1 else (target.window, 1),
            roles=tuple(RoleSelection(sop_class, scu=False, scp=True) for sop_class in retrieves),
        )
        request = AssociateRequest(target.called_ae_title, target.calling_ae_title, propose(contexts), user)
        self._association = Association.requestor(request)
        opening = self._association.open()
        self._exchanges: dict[tuple[str, str], StoreExchange] = {}
        self._connection = Connection(self._association, connect(target, self.phases))
        begun = self._connection.begin("association", target.association_timeout)
        self._connection.send([opening])
        event = self._connection.receive()
        if not isinstance(event, AssociateAccept):
            raise self._nonsense("association", f"{type(event).__name__} instead of an answer to A-ASSOCIATE-RQ")
        self.phases.associate = time.monotonic() - begun
        # at most what was asked for, and nothing where the peer doesn't negotiate it (PS3.7 annex D.3.3.3)
        self.window = event.user.async_window[0] if event.user.async_window and target.window != 1 else 1

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
        """C-STORE of a data set that lies in one buffer or several, of any total length; none is copied.

        Raises:
            StatusError: the peer refused it.
            NoAnswerError: it may be stored or not.
            ContextError: the peer doesn't take this SOP class in this transfer syntax; nothing was sent.
        """
        exchange = self._storing(sop_class_uid, transfer_syntax)
        message_id = self._association.next_message_id()
        connection = self._connection
        begun = connection.begin("C-STORE", self.target.answer_timeout)
        connection.send(exchange.request(message_id, sop_instance_uid, buffers))
        sent = time.monotonic()
        if connection.receives(exchange.usual_answer(message_id, sop_instance_uid)):
            return Answer(status.SUCCESS, time.monotonic() - begun, sent - begun)
        answer = self._answer("C-STORE", (message_id,)).command
        ended = time.monotonic()
        if answer.status == status.SUCCESS:
            exchange.learn(connection.received, message_id, sop_instance_uid)
        return _answered("C-STORE", answer, ended - begun, sent - begun)

    def store_many(self, instances: Iterable[AnyStorable]) -> Iterator[Stored[AnyStorable]]:
        """C-STORE of one instance after the other, as many at a time as `window` grants; answers as they come.

        An instance is taken from `instances` when it is about to be sent. The time-out is each one's own.

        Raises:
            NoAnswerError: whatever was taken and not answered may be stored or not.
            ContextError: as `store`; the same is true of what was sent before.
        """
        source, waiting = iter(instances), dict[int, tuple[AnyStorable, float]]()
        most = min(self.window or _MOST_AT_A_TIME, _MOST_AT_A_TIME)
        while True:
            while len(waiting) < most and (one := next(source, None)) is not None:
                exchange, message_id = (
                    self._storing(one.sop_class_uid, one.transfer_syntax),
                    self._association.next_message_id(),
                )
                waiting[message_id] = one, self._connection.begin("C-STORE", self.target.answer_timeout)
                self._connection.send(exchange.request(message_id, one.sop_instance_uid, one.buffers))
            if not waiting:
                return
            oldest = next(iter(waiting.values()))[1]
            self._connection.begin("C-STORE", max(0.001, oldest + self.target.answer_timeout - time.monotonic()))
            answer = self._answer("C-STORE", waiting).command
            instance, started = waiting.pop(answer.message_id_responded_to or 0)
            error = _refusal("C-STORE", answer)
            yield Stored(instance, answer.status or 0, started, time.monotonic(), error)

    def find(self, model: str, identifier: bytes) -> Iterator[bytearray]:
        """C-FIND: the matches' identifiers, in the transfer syntax of the context.

        Raises:
            StatusError: the peer refused, or gave up in the middle.
            NoAnswerError: the answers end before the final one.
        """
        for message in self._query("C-FIND", command.find_request, model, identifier):
            if message.data_set is not None and _is_pending(message.command):
                yield message.data_set

    def get(
        self, model: str, identifier: bytes, on_instance: OnInstance, open_sink: OpenSink | None = None
    ) -> Retrieved:
        """C-GET; each instance that comes is handed to `on_instance`, whose status is the answer.

        With `open_sink` instances of any length can come: what it opens is the message's `sink`.

        Raises:
            StatusError: the peer refused, or could send nothing.
            NoAnswerError: the answers end before the final one.
        """
        contexts, begun, final = self._association.contexts, time.monotonic(), Command(0)
        self._association.receive_into(sink_opener(self._association, open_sink) if open_sink else None)
        for message in self._query("C-GET", command.get_request, model, identifier):
            final = message.command
            if final.command_field == CommandField.C_STORE_RQ:
                answer = command.response(final, on_instance(message, contexts[message.context_id].transfer_syntax))
                self._connection.send(self._association.message(message.context_id, answer))
        return Retrieved.of(final, time.monotonic() - begun)

    def move(
        self, model: str, destination: str, identifier: bytes, on_progress: Callable[[Command], None] | None = None
    ) -> Retrieved:
        """C-MOVE to the AE title `destination`, which the peer must know (see `scp.Scp`).

        `on_progress` gets each pending response, if the peer sends any.

        Raises:
            StatusError: the peer refused, or could send nothing.
            NoAnswerError: the answers end before the final one.
        """
        begun, final = time.monotonic(), Command(0)

        def request(message_id: int, sop_class_uid: str) -> Command:
            return command.move_request(message_id, sop_class_uid, destination)

        for message in self._query("C-MOVE", request, model, identifier):
            final = message.command
            if on_progress is not None and _is_pending(final):
                on_progress(final)
        return Retrieved.of(final, time.monotonic() - begun)

    # Ending

    def release(self) -> None:
        """End the association in order.

        Raises:
            NoAnswerError: the peer doesn't confirm it. Operations that were answered before stay answered.
        """
        begun = self._connection.begin("release", self.target.association_timeout)
        try:
            self._connection.send([self._association.release()])
            while not isinstance(event := self._connection.receive(), ReleaseReply):
                if isinstance(event, ReleaseRequest):  # both have asked at once (PS3.8 section 9.2, Sta9)
                    self._connection.send([self._association.release_reply()])
                elif isinstance(event, Message):
                    raise self._unexpected("release", event)
        finally:
            self._connection.kill()
        self.phases.release = time.monotonic() - begun

    def abort(self) -> None:
        """End it at once."""
        self._connection.abort()

    # Within

    def _context(self, abstract_syntax: str, transfer_syntax: str | None = None) -> Context:
        try:
            return self._association.context_for(abstract_syntax, transfer_syntax)
        except NoContextError as error:
            raise ContextError(str(error)) from None

    def _storing(self, sop_class_uid: str, transfer_syntax: str) -> StoreExchange:
        key = sop_class_uid, transfer_syntax
        if (exchange := self._exchanges.get(key)) is None:
            exchange = self._exchanges[key] = self._association.storing(self._context(*key))
        return exchange

    def _simple(self, operation: str, parts: Iterable[Buffer], message_id: int) -> Answer:
        begun = self._connection.begin(operation, self.target.answer_timeout)
        self._connection.send(parts)
        sent = time.monotonic()
        answer = self._answer(operation, (message_id,)).command
        return _answered(operation, answer, time.monotonic() - begun, sent - begun)

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
            message = self._answer(operation, (message_id,), stores=operation == "C-GET")
            is_final = message.command.is_response and not _is_pending(message.command)
            if is_final and (error := _refusal(operation, message.command)) is not None:
                raise error
            yield message
            if is_final:
                return
            self._connection.begin(operation, self.target.answer_timeout)

    def _answer(self, operation: str, awaited: Collection[int], *, stores: bool = False) -> Message:
        """The next message: an answer to one of the message ids, or else, if `stores`, a C-STORE request."""
        event = self._connection.receive()
        if isinstance(event, Message):
            got = event.command
            if got.is_response and got.message_id_responded_to in awaited and got.status is not None:
                return event
            if stores and got.command_field == CommandField.C_STORE_RQ and (event.data_set or event.sink) is not None:
                return event
        raise self._unexpected(operation, event)

    def _unexpected(self, operation: str, event: object) -> ScuError:
        """End the association: this is no answer to what is awaited. Returns what to raise."""
        if not isinstance(event, Message):
            return self._nonsense(operation, f"{type(event).__name__} instead of an answer")
        got = event.command
        if not got.is_response:
            return self._nonsense(operation, f"request 0x{got.command_field:04X} instead of an answer")
        if got.status is None:
            return self._nonsense(operation, "answer without a status")
        self._connection.abort()
        # ids ascend from 1: of those that were sent, the ones that aren't awaited have been answered
        if 0 < (got.message_id_responded_to or 0) <= self._association.last_message_id:
            return AnsweredTwiceError(operation, got.message_id_responded_to)
        return AnsweredAnotherError(operation, got.message_id_responded_to)

    def _nonsense(self, operation: str, why: str) -> ScuError:
        self._connection.abort()
        return NonsenseError(operation, why)


def _is_pending(answer: Command) -> bool:
    return answer.is_response and status.status_class(answer.status or 0) is status.StatusClass.PENDING


def _refusal(operation: str, answer: Command) -> StatusError | None:
    """What the status says, unless that is success, a warning, or that there is more to come."""
    code = answer.status or 0
    if status.status_class(code) in (status.StatusClass.FAILURE, status.StatusClass.CANCEL):
        return StatusError(operation, code, answer.error_comment or "")
    return None


def _answered(operation: str, answer: Command, seconds: float, request_seconds: float) -> Answer:
    """Success or a warning. Raises StatusError."""
    if (error := _refusal(operation, answer)) is not None:
        raise error
    return Answer(answer.status or 0, seconds, request_seconds)
