"""An SCP of the codec itself, over asyncio, that misbehaves on request: what no well-made peer can be brought to do."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from exporters.dimse import command, negotiate, uids
from exporters.dimse.association import Association, Event
from exporters.dimse.message import Message
from exporters.dimse.pdu import Abort, AssociateRequest, ReleaseRequest

SUPPORTED = {
    uids.VERIFICATION: [uids.IMPLICIT_VR_LITTLE_ENDIAN],
    uids.SECONDARY_CAPTURE_IMAGE_STORAGE: [uids.EXPLICIT_VR_LITTLE_ENDIAN],
}


class Peer:
    """One accepted connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.association = Association.acceptor()

    async def event(self) -> Event | None:
        """What the prober says next; None once it has closed the connection."""
        while (event := self.association.next_event()) is None:
            try:
                data = await self.reader.read(65536)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.association.feed(data)
        return event

    async def accept(self) -> None:
        """Answer the request for an association."""
        request = await self.event()
        assert isinstance(request, AssociateRequest)
        self.writer.write(self.association.accept_with(negotiate.answer(request, SUPPORTED)))

    async def message(self) -> Message:
        """The next message."""
        event = await self.event()
        assert isinstance(event, Message)
        return event

    def answer(self, message: Message, status: int = 0, message_id: int | None = None) -> None:
        """Respond to it, perhaps with another message id."""
        response = command.response(message.command, status)
        if message_id is not None:
            response.message_id_responded_to = message_id
        self.writer.writelines(self.association.message(message.context_id, response))

    def reset(self) -> None:
        """End the connection by a TCP reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def until_closed(self) -> list[Event]:
        """What still comes until the prober is gone."""
        events = []
        while (event := await self.event()) is not None:
            events.append(event)
            if isinstance(event, Abort):
                break
        return events


Behaviour = Callable[[Peer], Awaitable[None]]


async def behave(peer: Peer) -> None:
    """As one should."""
    await peer.accept()
    while True:
        event = await peer.event()
        if isinstance(event, Message):
            peer.answer(event)
        elif isinstance(event, ReleaseRequest):
            peer.writer.write(peer.association.release_reply())
        else:
            return


async def end(peer: Peer) -> None:
    """Reply to the release that comes."""
    if isinstance(await peer.event(), ReleaseRequest):
        peer.writer.write(peer.association.release_reply())


@dataclass
class OddScp:
    """Where it listens, how many connections it had, and what its behaviours raised."""

    port: int = 0
    connections: int = 0
    finished: int = 0
    raised: list[BaseException] = field(default_factory=list)
    idle: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def odd_scp(behaviour: Behaviour, tls: ssl.SSLContext | None = None) -> AsyncIterator[OddScp]:
    """Serve every connection by the behaviour; what that raises fails the test."""
    scp = OddScp()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        scp.connections += 1
        try:
            await behaviour(Peer(reader, writer))
        except Exception as error:
            scp.raised.append(error)
        finally:
            writer.transport.abort()
            scp.finished += 1
            scp.idle.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    scp.port = server.sockets[0].getsockname()[1]
    try:
        yield scp
        async with asyncio.timeout(10):  # the prober has ended its connection: so must the behaviour
            while scp.finished < scp.connections:
                scp.idle.clear()
                await scp.idle.wait()
    finally:
        server.close()
    assert not scp.raised, scp.raised
