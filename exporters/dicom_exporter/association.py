"""A probe's association over asyncio: a connection that ends with the probe, whatever happens."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from exporters.dicom_exporter.outcome import Outcome, ProbeError, aborted, os_words, rejected
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.target import Target
from exporters.dimse.association import Association, Context, Event, State
from exporters.dimse.command import RESPONSE, Command
from exporters.dimse.errors import NoContextError, ProtocolError
from exporters.dimse.message import Message
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

    def next_message_id(self) -> int:
        """For the next request."""
        return self._association.next_message_id()

    async def send(self, context: Context, command: Command, data_set: Buffer | None = None) -> None:
        """Send a message; it has left for the kernel when this returns."""
        self._writer.writelines(self._association.message(context.id, command, data_set))
        await self._writer.drain()

    async def response(self, request: Command) -> Command:
        """The response to the request; its status is noted. Raises ProbeError if it is another message."""
        event = await self.event()
        if not isinstance(event, Message):
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, f"{type(event).__name__} instead of a response")
        answer = event.command
        if answer.command_field != request.command_field | RESPONSE or answer.status is None:
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, f"command {answer.command_field:#06x} instead of a response")
        if answer.message_id_responded_to != request.message_id:
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, "a response to another message id")
        self._probe.status = answer.status
        self._probe.say("response", status=f"{answer.status:#06x}")
        return answer

    async def event(self) -> Event:
        """What the peer says next. Raises ProbeError if that is an abort, or if it closes the connection."""
        while (event := self._association.next_event()) is None:
            data = await self._reader.read(65536)
            if not data:
                raise ProbeError(Outcome.RESET, "the peer closed the connection without a word")
            self._association.feed(data)
        if isinstance(event, Abort):
            raise aborted(event)
        return event

    async def open(self) -> None:
        """Ask for the association and wait until it is accepted."""
        self._writer.write(self._association.open())
        event = await self.event()
        if isinstance(event, AssociateReject):
            raise rejected(event)
        if not isinstance(event, AssociateAccept):
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, f"{type(event).__name__} instead of an acceptance")
        self._probe.negotiated_pdu_length = event.user.max_length
        self._probe.say("accepted", contexts=len(self._association.contexts), max_pdu_bytes=event.user.max_length)

    async def release(self) -> None:
        """Release the association and wait for the reply."""
        self._writer.write(self._association.release())
        event = await self.event()
        if not isinstance(event, ReleaseReply):
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, f"{type(event).__name__} instead of a release reply")


@asynccontextmanager
async def associate(target: Target, request: AssociateRequest, probe: Probe) -> AsyncIterator[ProbeAssociation]:
    """An association for the block: released after it, aborted if it fails; the connection is gone in both cases."""
    with probe.phase("resolve"):
        addresses = await _resolve(target)
    with probe.phase("connect"):
        reader, writer = await connect(addresses, probe)
    writer.transport.set_write_buffer_limits(0)  # so that drain waits until all has left: it is what is timed
    association = Association.requestor(request, max_data_set=MAX_DATA_SET)
    try:
        peer = ProbeAssociation(association, reader, writer, probe)
        with probe.phase("associate"):
            await peer.open()
        yield peer
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


async def _resolve(target: Target) -> list[tuple[str, int]]:
    """The addresses; an address needs no resolver and no thread."""
    loop = asyncio.get_running_loop()
    try:
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        except socket.gaierror:
            found = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        words = os_words(error) if isinstance(error, OSError) else "it is no host name"
        raise ProbeError(Outcome.UNRESOLVED, f"{target.host} can't be resolved: {words}") from None
    return [(str(address[0]), int(address[1])) for *_, address in found]


async def connect(addresses: list[tuple[str, int]], probe: Probe) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that answers; asyncio sets TCP_NODELAY on it."""
    for number, (host, port) in enumerate(addresses, 1):
        try:
            reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            if number == len(addresses):
                raise
            probe.say("next address", failed=host, reason=os_words(error))
        else:
            probe.say("connected", address=host)
            return reader, writer
    raise ProbeError(Outcome.UNRESOLVED, "the host has no address")
