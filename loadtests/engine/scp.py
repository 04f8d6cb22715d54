"""A small SCP: C-ECHO and C-STORE, for the instances that an archive sends on C-MOVE."""

import socket
import ssl
import threading
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from exporters.dimse import command, negotiate
from exporters.dimse.association import Association
from exporters.dimse.command import CommandField
from exporters.dimse.items import DEFAULT_MAX_LENGTH, UserInformation
from exporters.dimse.message import Message
from exporters.dimse.pdu import AssociateAccept, AssociateRequest, ReleaseReply, ReleaseRequest
from exporters.dimse.status import SUCCESS, UNRECOGNIZED_OPERATION
from loadtests.engine.connect import without_delay
from loadtests.engine.connection import Connection
from loadtests.engine.errors import ScuError
from loadtests.engine.receiving import OnInstance, OpenSink, sink_opener

PROCESSING_FAILURE = 0x0110
_TLS_SECONDS = 10.0


class Scp:
    """Serves associations while its `with` block runs, each in a thread (or greenlet, where threads are patched).

    Whatever is proposed is accepted. `failures` are the errors that `on_instance` or the connections ended with.

    Args:
        on_instance: takes each C-STORE request, in the association's thread; what it raises is status 0x0110.
        open_sink: where data sets go that shall not lie in memory; what it opens is the message's `sink`.
        host: the address to listen on.
        port: 0: any free one; `port` says which.
        preferred: transfer syntaxes to be accepted before others, in this order.
        window: operations at a time that are granted to those who ask (0: any number); they are answered in order.
        max_length: of P-DATA-TF PDUs to be received, in bytes.
        idle_timeout: seconds after which a silent peer is given up.
        tls: for DICOM's secure transport.

    Raises:
        OSError: the address can't be listened on.
    """

    def __init__(
        self,
        on_instance: OnInstance,
        *,
        open_sink: OpenSink | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        preferred: Sequence[str] = (),
        window: int = 1,
        max_length: int = DEFAULT_MAX_LENGTH,
        idle_timeout: float = 600.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._on_instance, self._open_sink, self._preferred, self._tls = on_instance, open_sink, preferred, tls
        self._window, self._max_length, self._idle_timeout = window, max_length, idle_timeout
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._serving: set[threading.Thread] = set()
        self._ended = False
        self.failures: list[Exception] = []
        self._listener = socket.create_server((host, port), backlog=512)
        self.port: int = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> "Scp":
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Listen no more, and cut what is open."""
        with self._lock:
            self._ended = True
            _shut(self._listener)
            for connection in self._open:
                _shut(connection)
            serving = list(self._serving)
        for thread in (self._accepting, *serving):
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                if self._ended:
                    connection.close()
                    return
                self._open.add(connection)
                self._serving.add(thread)
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            without_delay(connection)
            if self._tls is not None:
                connection = self._secured(connection, self._tls)
            self._associate(Connection(Association.acceptor(), connection))
        except (OSError, ScuError) as error:
            if not self._ended:
                self.failures.append(error)
        finally:
            with self._lock:
                self._open.discard(connection)
                self._serving.discard(threading.current_thread())
            connection.close()

    def _secured(self, connection: socket.socket, tls: ssl.SSLContext) -> socket.socket:
        connection.settimeout(_TLS_SECONDS)
        secured = tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.discard(connection)
            self._open.add(secured)
        try:
            secured.do_handshake()
        except OSError:
            with self._lock:
                self._open.discard(secured)
            secured.close()
            raise
        return secured

    def _associate(self, connection: Connection) -> None:
        association = connection.association
        if self._open_sink is not None:
            association.receive_into(sink_opener(association, self._open_sink))
        try:
            while True:
                connection.begin("association", self._idle_timeout)
                event = connection.receive()
                if isinstance(event, AssociateRequest):
                    connection.send([association.accept_with(self._answer(event))])
                elif isinstance(event, ReleaseRequest):
                    connection.send([association.release_reply()])
                    return
                elif isinstance(event, Message):
                    if not event.command.is_response and event.command.command_field != CommandField.C_CANCEL_RQ:
                        answer = command.response(event.command, self._status(event, association))
                        connection.send(association.message(event.context_id, answer))
                elif isinstance(event, ReleaseReply):
                    return
        finally:
            connection.kill()

    def _answer(self, request: AssociateRequest) -> AssociateAccept:
        asked = request.user.async_window
        user = UserInformation(self._max_length, async_window=asked and (_granted(asked[0], self._window), 1))
        return negotiate.answer(request, None, user=user, preferred=self._preferred)

    def _status(self, message: Message, association: Association) -> int:
        """What a request is answered with."""
        asked = message.command.command_field
        if asked == CommandField.C_ECHO_RQ:
            return SUCCESS
        if asked != CommandField.C_STORE_RQ:
            return UNRECOGNIZED_OPERATION
        try:
            return self._on_instance(message, association.contexts[message.context_id].transfer_syntax)
        except Exception as error:
            self.failures.append(error)
            return PROCESSING_FAILURE


def _granted(asked: int, ours: int) -> int:
    """The smaller window, where 0 has no end (PS3.7 annex D.3.3.3.2)."""
    return min(asked, ours) if asked and ours else asked or ours


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # it has been closed at the other end
        connection.shutdown(socket.SHUT_RDWR)
