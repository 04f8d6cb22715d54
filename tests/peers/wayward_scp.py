"""A storage SCP that misbehaves on purpose: it accepts associations and hands each request to what the test wants."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from exporters.dimse import command
from exporters.dimse.association import Association
from exporters.dimse.errors import DimseError
from exporters.dimse.items import UserInformation
from exporters.dimse.message import Message
from exporters.dimse.negotiate import answer
from exporters.dimse.pdu import Abort, AssociateReject, AssociateRequest, ReleaseRequest
from tests.peers.connections import serving


@dataclass
class Peer:
    """One association of the SCP, for a behaviour to act on."""

    connection: socket.socket
    association: Association
    ended: threading.Event
    """Set when the test is over: whoever waits waits for this."""

    def respond(self, message: Message, status: int, message_id: int | None = None) -> None:
        """The proper response, or one to another message id."""
        response = command.response(message.command, status)
        if message_id is not None:
            response.message_id_responded_to = message_id
        for part in self.association.message(message.context_id, response):
            self.connection.sendall(part)


Behaviour = Callable[[Peer, Message], None]


def never_answers(peer: Peer, message: Message) -> None:
    """Waits until the test is over."""
    peer.ended.wait(60)


def aborts(peer: Peer, message: Message) -> None:
    """A-ABORT by the service provider, then closes."""
    peer.connection.sendall(Abort(2, 0).encode())
    peer.connection.close()


def closes(peer: Peer, message: Message) -> None:
    """Closes without a word."""
    peer.connection.close()


def answers_another(peer: Peer, message: Message) -> None:
    """Success, of a message that nobody has sent."""
    peer.respond(message, 0, message_id=((message.command.message_id or 0) + 7) % 0xFFFF)


def answers_twice(peer: Peer, message: Message) -> None:
    """Success, and once more."""
    peer.respond(message, 0)
    peer.respond(message, 0)


def answers_late(seconds: float) -> Behaviour:
    """Success, so many seconds later."""

    def behaviour(peer: Peer, message: Message) -> None:
        peer.ended.wait(seconds)
        peer.respond(message, 0)

    return behaviour


def closes_within_an_answer(peer: Peer, message: Message) -> None:
    """The first half of a success, then nothing."""
    answer = b"".join(peer.association.message(message.context_id, command.response(message.command, 0)))
    peer.connection.sendall(answer[: len(answer) // 2])
    peer.connection.close()


def sends_garbage(peer: Peer, message: Message) -> None:
    """Bytes that are no PDU."""
    peer.connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")


def runs_full(peer: Peer, message: Message) -> None:
    """Status 0xA700: out of resources."""
    peer.respond(message, 0xA700)


def stores(peer: Peer, message: Message) -> None:
    """Success."""
    peer.respond(message, 0)


@dataclass
class WaywardScp:
    """Where it listens, and how many associations and requests it has seen."""

    port: int
    associations: int = 0
    requests: list[str] = field(default_factory=list)


@contextmanager
def wayward_scp(
    behave: Callable[[int], Behaviour], *, reject: AssociateReject | None = None, window: int | None = None
) -> Iterator[WaywardScp]:
    """Serve on a free port of the loopback; `behave` gives the behaviour for the n-th request, from 0, of all.

    `window` is how many operations at a time it grants.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        user = UserInformation(async_window=None if window is None else (window, 1))
        server, ended = WaywardScp(listener.getsockname()[1]), threading.Event()

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError, DimseError):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                peer = Peer(connection, Association.acceptor(), ended)
                while True:
                    event = peer.association.next_event()
                    if event is None:
                        data = connection.recv(1 << 16)
                        if not data:
                            return
                        peer.association.feed(data)
                    elif isinstance(event, AssociateRequest):
                        server.associations += 1
                        if reject:
                            connection.sendall(peer.association.reject_with(reject))
                        else:
                            known = {context.abstract_syntax: context.transfer_syntaxes for context in event.contexts}
                            connection.sendall(peer.association.accept_with(answer(event, known, user=user)))
                    elif isinstance(event, ReleaseRequest):
                        connection.sendall(peer.association.release_reply())
                    elif isinstance(event, Message):
                        number = len(server.requests)
                        server.requests.append(event.command.affected_sop_instance_uid or "")
                        behave(number)(peer, event)
                    else:
                        return

        with serving(listener, serve, ended):
            yield server
