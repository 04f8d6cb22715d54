"""Taking part in an association, as requestor or acceptor: state, contexts, messages (PS3.8 sections 7, 9.2).

association = Association.requestor(request)
send(association.open())
while (event := association.next_event()) is None:
    association.feed(receive())
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from exporters.dimse.command import Command
from exporters.dimse.errors import NoContextError, ProtocolError, UsageError
from exporters.dimse.items import ProposedContext
from exporters.dimse.message import MIN_PDU_LENGTH, Assembler, Message, OpenSink, StoreExchange, fragments
from exporters.dimse.pdu import Abort, AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply, ReleaseRequest
from exporters.dimse.reasons import AbortReason, AbortSource
from exporters.dimse.stream import Buffer, Fragment, PduParser

Event = AssociateRequest | AssociateAccept | AssociateReject | ReleaseRequest | ReleaseReply | Abort | Message

MAX_SENT_PDU = 1 << 20  # where the peer takes any length: more brings no speed
MAX_DATA_SET = 1 << 28


class State(Enum):
    """Where the association is (the groups of PS3.8 table 9-10's states that a user of it can tell apart)."""

    IDLE = auto()
    REQUESTED = auto()  # by us, or by the peer and not yet answered
    ESTABLISHED = auto()
    RELEASING = auto()  # we asked
    RELEASE_ASKED = auto()  # the peer asked
    CLOSED = auto()


_RECEIVING = (State.ESTABLISHED, State.RELEASING)


@dataclass(slots=True, frozen=True)
class Context:
    """An accepted presentation context; the roles are those of the association's requestor."""

    id: int
    abstract_syntax: str
    transfer_syntax: str
    requestor_is_scu: bool = True
    requestor_is_scp: bool = False


def propose(syntaxes: Iterable[tuple[str, Iterable[str]]]) -> tuple[ProposedContext, ...]:
    """Presentation contexts with ids 1, 3, 5 … for pairs of abstract syntax and transfer syntaxes; 128 at most."""
    contexts = tuple(
        ProposedContext(2 * n + 1, abstract, tuple(transfer)) for n, (abstract, transfer) in enumerate(syntaxes)
    )
    if len(contexts) > 128:
        raise UsageError(f"{len(contexts)} presentation contexts, where an association has 128 at most")
    return contexts


class Association:
    """One association without its connection. Made by `requestor` or `acceptor`.

    Feed it what is received and take events with `next_event` until that is None. Whatever a method returns is to be
    sent, in that order. When `next_event` raises ProtocolError, send what `abort` returns and close.
    """

    __slots__ = (
        "_assembler",
        "_collided",
        "_is_requestor",
        "_parser",
        "accept",
        "contexts",
        "last_message_id",
        "peer_max_length",
        "request",
        "state",
    )

    def __init__(self, request: AssociateRequest | None, *, own_max_length: int, max_data_set: int) -> None:
        self.request = request
        self.accept: AssociateAccept | None = None
        self.contexts: dict[int, Context] = {}
        self.peer_max_length = 0
        """The longest P-DATA-TF PDU to send, in bytes; the peer's maximum, or `MAX_SENT_PDU` where it has none."""
        self.state = State.IDLE
        self._is_requestor = request is not None
        self._collided = False
        self.last_message_id = 0
        """Of those that `next_message_id` gave."""
        self._parser = PduParser(max_data_length=own_max_length)
        self._assembler = Assembler(max_data_set=max_data_set)

    @classmethod
    def requestor(cls, request: AssociateRequest, *, max_data_set: int = MAX_DATA_SET) -> "Association":
        """The side that asks; `max_data_set` bounds what a received message may hold, in bytes."""
        return cls(request, own_max_length=request.user.max_length, max_data_set=max_data_set)

    @classmethod
    def acceptor(cls, *, max_data_set: int = MAX_DATA_SET) -> "Association":
        """The side that is asked."""
        return cls(None, own_max_length=0, max_data_set=max_data_set)

    # Opening

    def open(self) -> bytes:
        """The A-ASSOCIATE-RQ of a requestor."""
        self._expect(State.IDLE)
        if self.request is None:
            raise UsageError("an acceptor can't open an association")
        encoded = self.request.encode()
        self.state = State.REQUESTED
        return encoded

    def accept_with(self, answer: AssociateAccept) -> bytes:
        """The A-ASSOCIATE-AC that answers the request (see `negotiate.answer`).

        Raises:
            ProtocolError: the peer's maximum PDU length leaves no room for data.
        """
        request = self._asked()
        encoded = answer.encode()
        self._parser.max_data = answer.user.max_length
        self._establish(request, answer, request.user.max_length)
        return encoded

    def reject_with(self, answer: AssociateReject) -> bytes:
        """The A-ASSOCIATE-RJ that answers the request."""
        self._asked()
        self.state = State.CLOSED
        return answer.encode()

    # Ending

    def release(self) -> bytes:
        """The A-RELEASE-RQ; what the peer still sends before its reply is received as before."""
        self._expect(State.ESTABLISHED)
        self.state = State.RELEASING
        return ReleaseRequest().encode()

    def release_reply(self) -> bytes:
        """The A-RELEASE-RP that answers a ReleaseRequest event."""
        if self._collided and self._is_requestor:  # PS3.8 Sta9: answer, then wait for the answer to ours
            self._collided = False
            return ReleaseReply().encode()
        self._expect(State.RELEASE_ASKED)
        self.state = State.CLOSED
        return ReleaseReply().encode()

    def abort(self, because: ProtocolError | None = None) -> bytes:
        """The A-ABORT: by the service provider with the error's reason, else by the service user."""
        self.state = State.CLOSED
        if because is None:
            return Abort().encode()
        return Abort(AbortSource.SERVICE_PROVIDER, because.abort_reason).encode()

    # Messages

    def next_message_id(self) -> int:
        """1 to 65535, and again."""
        self.last_message_id = self.last_message_id % 0xFFFF + 1
        return self.last_message_id

    def context_for(self, abstract_syntax: str, transfer_syntax: str | None = None) -> Context:
        """An accepted context for the syntaxes; without a transfer syntax the first for the abstract one.

        Raises:
            NoContextError: there is none.
        """
        for context in self.contexts.values():
            if context.abstract_syntax == abstract_syntax and transfer_syntax in (None, context.transfer_syntax):
                return context
        wanted = f" in transfer syntax {transfer_syntax}" if transfer_syntax else ""
        raise NoContextError(f"the peer accepted no presentation context for {abstract_syntax}{wanted}")

    def message(self, context_id: int, command: Command, data_set: Buffer | None = None) -> list[Buffer]:
        """The buffers of a message, for `sendmsg`; the data set is not copied."""
        self._may_send(context_id)
        if command.has_data_set != (data_set is not None):
            raise UsageError("has_data_set of the command does not say whether there is a data set")
        limit = self.peer_max_length
        parts = list(fragments(context_id, [command.encode()], limit, is_command=True))
        if data_set is not None:
            parts += fragments(context_id, [data_set], limit, is_command=False)
        return parts

    def storing(self, context: Context) -> StoreExchange:
        """For C-STOREs on this context: as `message` but with what repeats prepared, the load engine's way.

        Raises:
            UsageError: no message can be sent; later, when one is sent, that is the caller's to know.
        """
        self._may_send(context.id)
        return StoreExchange(context.id, context.abstract_syntax, self.peer_max_length)

    # Receiving

    def receive_into(self, open_sink: OpenSink | None) -> None:
        """Let sinks take the data sets of messages that begin from now on; None: none does."""
        self._assembler.open_sink = open_sink

    @property
    def between_messages(self) -> bool:
        """Whether the peer's bytes could end here without cutting a PDU or message."""
        return self._parser.between_pdus and not self._assembler.within_message

    def feed(self, data: Buffer) -> None:
        """Hand over what was received; it may be reused once `next_event` has returned None."""
        self._parser.feed(data)

    def next_event(self) -> Event | None:
        """The next event, or None: more bytes are needed.

        Raises:
            ProtocolError: the peer violates the protocol or a limit.
        """
        while True:
            parsed = self._parser.next()
            if parsed is None:
                return None
            if type(parsed) is Fragment:
                if parsed.context_id not in self.contexts or self.state not in _RECEIVING:
                    raise self._unexpected_data(parsed.context_id)
                message = self._assembler.add(parsed)
                if message is not None:
                    return message
            else:
                event = self._control(parsed)
                if event is not None:
                    return event

    def _control(self, event: object) -> Event | None:
        state = self.state
        match event:
            case Abort():
                self.state = State.CLOSED
                return event
            case AssociateRequest() if state is State.IDLE and not self._is_requestor:
                self.request, self.state = event, State.REQUESTED
                return event
            case AssociateAccept() if state is State.REQUESTED and self._is_requestor and self.request:
                self._establish(self.request, event, event.user.max_length)
                return event
            case AssociateReject() if state is State.REQUESTED and self._is_requestor:
                self.state = State.CLOSED
                return event
            case ReleaseRequest() if state is State.ESTABLISHED:
                if self._assembler.within_message:
                    raise ProtocolError("a release is asked within a message", AbortReason.UNEXPECTED_PDU)
                self.state = State.RELEASE_ASKED
                return event
            case ReleaseRequest() if state is State.RELEASING and not self._collided:
                self._collided = True
                return event if self._is_requestor else None  # PS3.8 Sta10: the acceptor first awaits its reply
            case ReleaseReply() if state is State.RELEASING and self._collided:
                if self._is_requestor:
                    raise ProtocolError(
                        "a release is confirmed before ours, in a collision", AbortReason.UNEXPECTED_PDU
                    )
                self.state, self._collided = State.RELEASE_ASKED, False
                return ReleaseRequest()
            case ReleaseReply() if state is State.RELEASING:
                self.state = State.CLOSED
                return event
        raise ProtocolError(f"{type(event).__name__} is unexpected: {state.name}", AbortReason.UNEXPECTED_PDU)

    def _establish(self, request: AssociateRequest, answer: AssociateAccept, peer_max_length: int) -> None:
        proposed = {context.id: context for context in request.contexts}
        roles = {role.sop_class_uid: role for role in answer.user.roles}
        for context in answer.contexts:
            asked = proposed.get(context.id)
            if asked is None or not context.accepted:
                continue
            if context.transfer_syntax not in asked.transfer_syntaxes:
                raise ProtocolError(f"context {context.id} is accepted in a transfer syntax that was not proposed")
            role = roles.get(asked.abstract_syntax)
            scu, scp = (role.scu, role.scp) if role else (True, False)
            self.contexts[context.id] = Context(context.id, asked.abstract_syntax, context.transfer_syntax, scu, scp)
        if 0 < peer_max_length < MIN_PDU_LENGTH:
            raise ProtocolError(f"the peer's maximum PDU length of {peer_max_length} bytes leaves no room for data")
        self.peer_max_length = min(peer_max_length or MAX_SENT_PDU, MAX_SENT_PDU)
        self.accept, self.state = answer, State.ESTABLISHED

    def _unexpected_data(self, context_id: int) -> ProtocolError:
        if self.state in _RECEIVING:
            return ProtocolError(f"P-DATA on presentation context {context_id}, which is not accepted")
        return ProtocolError(f"P-DATA is unexpected: {self.state.name}", AbortReason.UNEXPECTED_PDU)

    def _asked(self) -> AssociateRequest:
        self._expect(State.REQUESTED)
        if self._is_requestor or self.request is None:
            raise UsageError("only the acceptor answers the request")
        return self.request

    def _may_send(self, context_id: int) -> None:
        if self.state not in (State.ESTABLISHED, State.RELEASE_ASKED):  # PS3.8 Sta8: the asked side may still answer
            raise UsageError(f"no message can be sent: {self.state.name}")
        if context_id not in self.contexts:
            raise NoContextError(f"presentation context {context_id} is not accepted")

    def _expect(self, state: State) -> None:
        if self.state is not state:
            raise UsageError(f"needs {state.name}: {self.state.name}")
