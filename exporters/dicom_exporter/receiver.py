"""The prober's own SCP: one listener for all probes, for what C-MOVE sends and storage commitment reports.

It takes an association only while a probe waits for one, and keeps it no longer than those probes run. An instance
belongs to the probe whose C-MOVE it names (Move Originator Message ID, PS3.7 section 9.1.1.1.8), a report to the one
whose Transaction UID it has.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

import structlog

from exporters.addresses import listen_address
from exporters.dicom_exporter import commitment
from exporters.dicom_exporter.arrivals import Arrivals
from exporters.dicom_exporter.config import Receiver as Settings
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dimse import command, negotiate
from exporters.dimse.association import Association
from exporters.dimse.command import Command, CommandField
from exporters.dimse.errors import DimseError, ProtocolError
from exporters.dimse.items import UserInformation
from exporters.dimse.message import Message, Sink
from exporters.dimse.pdu import AssociateReject, AssociateRequest, ReleaseRequest
from exporters.dimse.reasons import RejectResult, RejectSource
from exporters.dimse.status import SUCCESS, UNRECOGNIZED_OPERATION
from exporters.dimse.uids import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

MAX_CONNECTIONS = 64
LINGER_SECONDS = 0.5  # for the release after the last response of a C-MOVE, before the association is cut
REQUEST_SECONDS = 5.0  # within which an A-ASSOCIATE-RQ has to come (the ARTIM timer of PS3.8 section 9.1.5)
MAX_DATA_SET = 1 << 16  # of messages other than C-STORE, whose data sets go to sinks
NOT_AUTHORIZED = 0x0124  # PS3.7 annex C.5.21: for an instance or report that nobody waits for
_NO_REASON, _CALLED_NOT_RECOGNIZED = 1, 7


@dataclass(eq=False)
class Move:
    """A C-MOVE that is in flight."""

    message_id: int
    arrivals: Arrivals


@dataclass(eq=False)
class Commitment:
    """A request for storage commitment that is in flight."""

    transaction_uid: str
    report: "asyncio.Future[commitment.Report]"


@dataclass(eq=False)
class _Connection:
    writer: asyncio.StreamWriter
    association: Association
    waiting: set[Move | Commitment] = field(default_factory=set)


class _Unwanted:
    def write(self, data: memoryview, /) -> None:
        """Nothing is kept."""


class Receiver:
    """Listens where the configuration says."""

    def __init__(self) -> None:
        self._settings: Settings | None = None
        self._server: asyncio.Server | None = None
        self._ids = count(1)
        self._moves: dict[int, Move] = {}
        self._commitments: dict[str, Commitment] = {}
        self._connections: set[_Connection] = set()

    async def listen(self, settings: Settings | None) -> None:
        """Listen there, or nowhere. Raises OSError if that can't be; what was is kept then."""
        old = self._settings
        if settings is None:
            self.close()
        elif self._server is None or old is None or settings.listen_address != old.listen_address:
            host, port = listen_address(settings.listen_address)
            server = await asyncio.start_server(self._serve, host, port)
            if self._server is not None:
                self._server.close()
            self._server = server
        self._settings = settings

    def close(self) -> None:
        """Listen no more, and cut what is open."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self._connections):
            connection.writer.transport.abort()

    @property
    def listens(self) -> bool:
        """Whether there is a listener."""
        return self._server is not None

    @property
    def port(self) -> int:
        """Of the listener; 0: there is none."""
        return 0 if self._server is None else int(self._server.sockets[0].getsockname()[1])

    @property
    def ae_title(self) -> str:
        """The destination to name in C-MOVE. Raises ProbeError without a listener."""
        if self._settings is None:
            raise ProbeError(Outcome.INTERNAL_ERROR, "the configuration has no section receiver any more")
        return self._settings.ae_title

    @contextmanager
    def move(self, arrivals: Arrivals) -> Iterator[Move]:
        """Take the instances of a C-MOVE with this message id, as long as the block runs."""
        number = next(one for one in (self._next_id() for _ in range(0xFFFF)) if one not in self._moves)
        move = self._moves[number] = Move(number, arrivals)
        try:
            yield move
        finally:
            del self._moves[number]
            self._done(move)

    @contextmanager
    def commitment(self, transaction_uid: str) -> Iterator[Commitment]:
        """Take the report of this transaction, as long as the block runs."""
        waiting = Commitment(transaction_uid, asyncio.get_running_loop().create_future())
        self._commitments[transaction_uid] = waiting
        try:
            yield waiting
        finally:
            del self._commitments[transaction_uid]
            waiting.report.cancel()
            self._done(waiting)

    def _next_id(self) -> int:
        return next(self._ids) % 0xFFFF + 1

    def _done(self, waiting: Move | Commitment) -> None:
        for connection in list(self._connections):
            connection.waiting.discard(waiting)
            if not connection.waiting and connection.association.contexts:
                asyncio.get_running_loop().call_later(LINGER_SECONDS, self._cut, connection)

    def _cut(self, connection: _Connection) -> None:
        if connection in self._connections and not connection.waiting:
            connection.writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer, Association.acceptor(max_data_set=MAX_DATA_SET))
        log = structlog.get_logger()
        if len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._connections.add(connection)
        try:
            async with asyncio.timeout(REQUEST_SECONDS):
                accepted = await self._open(connection, reader)
            if accepted:
                connection.association.receive_into(lambda _, asked: self._sink(connection, asked))
                await self._follow(connection, reader)
        except ProtocolError as error:
            writer.write(connection.association.abort(error))
            log.warning("receiver: a peer violates the protocol", reason=str(error))
        except (OSError, EOFError, DimseError, ProbeError) as error:
            log.info("receiver: an association ended early", reason=type(error).__name__)
        finally:
            self._connections.discard(connection)
            # what was written has left or is given up: a peer that doesn't read holds nothing here
            with suppress(OSError):
                writer.transport.abort()

    async def _open(self, connection: _Connection, reader: asyncio.StreamReader) -> bool:
        event = await _next(connection, reader)
        if not isinstance(event, AssociateRequest):
            raise ProtocolError(f"{type(event).__name__} instead of a request")
        title = self._settings.ae_title if self._settings else ""
        waiting: set[Move | Commitment] = {*self._moves.values(), *self._commitments.values()}
        if event.called_ae_title != title or not waiting:
            result, reason = RejectResult.REJECTED_PERMANENT, _CALLED_NOT_RECOGNIZED
            if event.called_ae_title == title:
                result, reason = RejectResult.REJECTED_TRANSIENT, _NO_REASON
            rejection = AssociateReject(result, RejectSource.SERVICE_USER, reason)
            connection.writer.write(connection.association.reject_with(rejection))
            await connection.writer.drain()
            return False
        connection.waiting = waiting
        preferred = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
        answer = negotiate.answer(event, None, user=UserInformation(), preferred=preferred)
        connection.writer.write(connection.association.accept_with(answer))
        return True

    async def _follow(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        association, writer = connection.association, connection.writer
        while True:
            event = await _next(connection, reader)
            if isinstance(event, ReleaseRequest):
                writer.write(association.release_reply())
                await writer.drain()
                return
            if not isinstance(event, Message):
                return
            if event.command.is_response or event.command.command_field == CommandField.C_CANCEL_RQ:
                continue
            status = self._status(connection, event)
            writer.writelines(association.message(event.context_id, command.response(event.command, status)))
            await writer.drain()

    def _status(self, connection: _Connection, message: Message) -> int:
        """What a request is answered with."""
        asked = message.command
        match asked.command_field:
            case CommandField.C_ECHO_RQ:
                return SUCCESS
            case CommandField.C_STORE_RQ:
                move = self._move_of(asked)
                if move is None:
                    return NOT_AUTHORIZED
                connection.waiting.add(move)
                move.arrivals.take(message, connection.association.contexts[message.context_id].transfer_syntax)
                return SUCCESS
            case CommandField.N_EVENT_REPORT_RQ:
                syntax = connection.association.contexts[message.context_id].transfer_syntax
                report = commitment.read_report(message, syntax)
                waiting = self._commitments.get(report.transaction_uid)
                if waiting is None:
                    return NOT_AUTHORIZED
                if not waiting.report.done():
                    waiting.report.set_result(report)
                return SUCCESS
        return UNRECOGNIZED_OPERATION

    def _move_of(self, asked: Command) -> Move | None:
        """The move that an instance belongs to; one that names none (it is optional) belongs to the only one."""
        if asked.move_originator_message_id is not None:
            return self._moves.get(asked.move_originator_message_id)
        return next(iter(self._moves.values())) if len(self._moves) == 1 else None

    def _sink(self, _: _Connection, asked: Command) -> Sink | None:
        if asked.command_field != CommandField.C_STORE_RQ:
            return None
        move = self._move_of(asked)
        return _Unwanted() if move is None else move.arrivals.sink(0, asked)


async def _next(connection: _Connection, reader: asyncio.StreamReader) -> object:
    """What the peer says next. Raises EOFError if it closes the connection."""
    while (event := connection.association.next_event()) is None:
        data = await reader.read(1 << 17)
        if not data:
            raise EOFError
        connection.association.feed(data)
    return event
