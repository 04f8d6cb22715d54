"""A probe's association over asyncio: a connection that ends with the probe, whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from exporters.dicom_exporter.connection import open_stream
from exporters.dicom_exporter.modules import DimseModule
from exporters.dicom_exporter.outcome import Outcome, ProbeError, aborted, rejected
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.target import Target
from exporters.dimse import command
from exporters.dimse.association import Association, Context, Event, State, propose
from exporters.dimse.command import RESPONSE, Command
from exporters.dimse.errors import NoContextError, ProtocolError
from exporters.dimse.items import RoleSelection, UserInformation
from exporters.dimse.message import Message, OpenSink
from exporters.dimse.pdu import Abort, AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply
from exporters.dimse.stream import Buffer

MAX_PDU_LENGTH = 16384  # what the peer may send: answers are small
MAX_DATA_SET = 1 << 16
PHASES = ("resolve", "connect", "associate", "release")


class ProbeAssociation:
    """An established association. Failures are ProbeError, ProtocolError or OSError."""

    def __init__(
        self, association: Association, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, probe: Probe
    ) -> None:
        self._association, self._reader, self._writer, self._probe = association, reader, writer, probe

    def context(self, abstract_syntax: str) -> Context:
        """The accepted presentation context for it. Raises ProbeError if there is none."""
        try:
            return self._association.context_for(abstract_syntax)
        except NoContextError as error:
            raise ProbeError(Outcome.CONTEXT_NOT_ACCEPTED, str(error)) from None

    def context_of(self, message: Message) -> Context:
        """The one that a message came in."""
        return self._association.contexts[message.context_id]

    def next_message_id(self) -> int:
        """For the next request."""
        return self._association.next_message_id()

    def receive_into(self, open_sink: OpenSink) -> None:
        """Let sinks take data sets from now on (`Association.receive_into`)."""
        self._association.receive_into(open_sink)

    async def send(self, context: Context, request: Command, data_set: Buffer | None = None) -> None:
        """Send a message; it has left for the kernel when this returns."""
        self._write(self._association.message(context.id, request, data_set))
        await self._writer.drain()

    async def respond(self, message: Message, status: int) -> None:
        """Answer a request of the peer's."""
        await self.send(self.context_of(message), command.response(message.command, status))

    async def response(self, request: Command) -> Command:
        """The response to the request; its status is noted. Raises ProbeError if it is another message."""
        return self.check(request, await self.message())

    def check(self, request: Command, message: Message) -> Command:
        """The command of the message, whose status is noted. Raises ProbeError if it is no response to the request."""
        answer = message.command
        if answer.command_field != request.command_field | RESPONSE or answer.status is None:
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, f"command {answer.command_field:#06x} instead of a response")
        if answer.message_id_responded_to != request.message_id:
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, "a response to another message id")
        if answer.status != self._probe.status:
            self._probe.say("response", status=f"{answer.status:#06x}")
        self._probe.status = answer.status
        return answer

    async def message(self) -> Message:
        """The next message. Raises ProbeError if something else comes."""
        event = await self.event()
        if not isinstance(event, Message):
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, f"{type(event).__name__} instead of a message")
        return event

    async def event(self) -> Event:
        """What the peer says next. Raises ProbeError if that is an abort, or if it closes the connection."""
        while (event := self._association.next_event()) is None:
            data = await self._reader.read(65536)
            if not data:
                raise ProbeError(Outcome.RESET, "the peer closed the connection without a word")
            self._probe.bytes_received += len(data)
            self._association.feed(data)
        if isinstance(event, Abort):
            raise aborted(event)
        return event

    async def open(self) -> None:
        """Ask for the association and wait until it is accepted."""
        self._write([self._association.open()])
        event = await self.event()
        if isinstance(event, AssociateReject):
            raise rejected(event)
        if not isinstance(event, AssociateAccept):
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, f"{type(event).__name__} instead of an acceptance")
        accepted = len(self._association.contexts)
        self._probe.negotiated_pdu_length = event.user.max_length
        self._probe.accepted_contexts = accepted
        self._probe.say("accepted", contexts=accepted, max_pdu_bytes=event.user.max_length)

    async def release(self) -> None:
        """Release the association and wait for the reply."""
        self._write([self._association.release()])
        event = await self.event()
        if not isinstance(event, ReleaseReply):
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, f"{type(event).__name__} instead of a release reply")

    def confirm_release(self) -> None:
        """Answer the peer's A-RELEASE-RQ: the association is over."""
        self._write([self._association.release_reply()])

    @property
    def established(self) -> bool:
        """Whether it is neither released nor aborted."""
        return self._association.state is State.ESTABLISHED

    def _write(self, parts: Iterable[Buffer]) -> None:
        parts = list(parts)
        self._probe.bytes_sent += sum(map(len, parts))
        self._writer.writelines(parts)


@asynccontextmanager
async def associate(
    target: Target,
    module: DimseModule,
    probe: Probe,
    syntaxes: Sequence[tuple[str, Sequence[str]]],
    *,
    roles: Sequence[RoleSelection] = (),
    max_pdu_length: int = MAX_PDU_LENGTH,
    max_data_set: int = MAX_DATA_SET,
) -> AsyncIterator[ProbeAssociation]:
    """An association for the block: released after it, aborted if it fails; the connection is gone in both cases.

    `syntaxes` are pairs of abstract syntax and transfer syntaxes; `max_data_set` bounds what is received, in bytes.
    """
    request = AssociateRequest(
        module.called_ae_title,
        module.calling_ae_title,
        propose(syntaxes),
        UserInformation(max_pdu_length, roles=tuple(roles)),
    )
    reader, writer = await open_stream(target, module.tls, probe)
    writer.transport.set_write_buffer_limits(0)  # so that drain waits until all has left: it is what is timed
    association = Association.requestor(request, max_data_set=max_data_set)
    try:
        peer = ProbeAssociation(association, reader, writer, probe)
        with probe.phase("associate"):
            await peer.open()
        yield peer
        if peer.established:
            with probe.phase("release"):
                await peer.release()
    except ProtocolError as error:
        writer.write(association.abort(error))
        raise
    finally:
        if association.state not in (State.IDLE, State.CLOSED):
            writer.write(association.abort())
        # not close: that waits, past any deadline, for a peer that doesn't read
        writer.transport.abort()
