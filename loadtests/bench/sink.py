"""A storage SCP that throws everything away: what a sender is measured against. `python -m loadtests.bench.sink`

A process per association. The payload of data sets is discarded by the kernel without a copy (MSG_TRUNC, tcp(7)), and
requests that differ from the one before only in message id and instance UID are answered without being decoded:
the sink must not be what is measured. It prints its port, and ends when its standard input does.
"""

import argparse
import mmap
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from exporters.dimse import command, negotiate
from exporters.dimse.association import Association
from exporters.dimse.command import Command
from exporters.dimse.items import DEFAULT_MAX_LENGTH, UserInformation
from exporters.dimse.message import fragments
from exporters.dimse.pdu import P_DATA_TF, RELEASE_RQ, AssociateRequest, ReleaseReply
from loadtests.engine.connect import without_delay

_HEAD = 1 << 14  # received by a copy: a command, and small instances whole
_DISCARD = 1 << 22


class _Closed(Exception):  # noqa: N818  (the ordinary end)
    """The sender has closed the connection."""


class _Answers:
    """The success responses of one association."""

    def __init__(self) -> None:
        self._message_id = self._uid = slice(0)
        self._like: tuple[bytes, bytes, bytes] = b"", b"", b""
        self._answer: tuple[bytes, bytes, bytes] = b"", b"", b""

    def to(self, context_id: int, request: bytes) -> tuple[bytes, bool]:
        """The response in its PDU, and whether a data set follows the request."""
        id_at, uid_at = self._message_id, self._uid
        like = self._like
        if like[0] and ((request[: id_at.start], request[id_at.stop : uid_at.start], request[uid_at.stop :]) == like):
            before, between, after = self._answer
            return before + request[id_at] + between + request[uid_at] + after, True
        asked = Command.decode(request)
        answer = b"".join(
            fragments(context_id, [command.response(asked, 0).encode()], DEFAULT_MAX_LENGTH, is_command=True)
        )
        self._learn(request, asked, answer)
        return answer, asked.has_data_set

    def _learn(self, request: bytes, asked: Command, answer: bytes) -> None:
        uid = (asked.affected_sop_instance_uid or "").encode()
        uid += b"\0" * (len(uid) % 2)
        number = (asked.message_id or 0).to_bytes(2, "little")
        if not uid or not asked.has_data_set:
            return
        id_at = request.index(b"\0\0\x10\1\2\0\0\0" + number) + 8
        uid_at = request.index(b"\0\0\0\x10" + len(uid).to_bytes(4, "little") + uid) + 8
        self._message_id, self._uid = slice(id_at, id_at + 2), slice(uid_at, uid_at + len(uid))
        self._like = request[:id_at], request[id_at + 2 : uid_at], request[uid_at + len(uid) :]
        id_at = answer.index(b"\0\0\x20\1\2\0\0\0" + number) + 8
        uid_at = answer.index(b"\0\0\0\x10" + len(uid).to_bytes(4, "little") + uid) + 8
        self._answer = answer[:id_at], answer[id_at + 2 : uid_at], answer[uid_at + len(uid) :]


class _Reader:
    """Reads heads and commands by a copy, and lets the kernel discard the rest."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray(_HEAD)
        self._view = memoryview(self._buffer)
        self._at = self._end = 0
        self._nowhere = mmap.mmap(-1, _DISCARD)  # never touched, so there is no memory behind it

    def take(self, count: int) -> bytes:
        """The next bytes."""
        if count > _HEAD:
            return self.take(_HEAD) + self.take(count - _HEAD)
        if self._end - self._at < count:
            left = self._end - self._at
            self._view[:left] = self._view[self._at : self._end]
            self._at, self._end = 0, left
            while self._end < count:
                received = self._connection.recv_into(self._view[self._end :])
                if not received:
                    raise _Closed
                self._end += received
        self._at += count
        return bytes(self._view[self._at - count : self._at])

    def skip(self, count: int) -> None:
        """Pass over the next bytes."""
        there = min(count, self._end - self._at)
        self._at += there
        count -= there
        while count:
            gone = self._connection.recv_into(
                self._nowhere, min(count, _DISCARD), socket.MSG_TRUNC | socket.MSG_WAITALL
            )
            if not gone:
                raise _Closed
            count -= gone


def serve(connection: socket.socket, max_length: int) -> None:
    """One association, to its release or the end of the connection."""
    without_delay(connection)
    association = Association.acceptor()
    while not isinstance(event := association.next_event(), AssociateRequest):
        association.feed(connection.recv(_HEAD))
    asked = event.user.async_window
    user = UserInformation(max_length, async_window=asked and (asked[0], 1))
    connection.sendall(association.accept_with(negotiate.answer(event, None, user=user)))
    reader, answers, answer, request = _Reader(connection), _Answers(), b"", b""
    with suppress(_Closed, ConnectionError):
        while True:
            head = reader.take(6)
            if head[0] != P_DATA_TF:
                if head[0] == RELEASE_RQ:
                    connection.sendall(ReleaseReply().encode())
                return
            left = int.from_bytes(head[2:])
            while left:
                value = reader.take(6)
                length, context_id, control = int.from_bytes(value[:4]), value[4], value[5]
                left -= length + 4
                if control & 1:
                    request += reader.take(length - 2)
                    if control & 2:
                        answer, more_comes = answers.to(context_id, request)
                        request = b""
                        if not more_comes:
                            connection.sendall(answer)
                else:
                    reader.skip(length - 2)
                    if control & 2:
                        connection.sendall(answer)


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.sink", description=__doc__)
    parser.add_argument("--max-length", type=int, default=DEFAULT_MAX_LENGTH, help="of PDUs, in bytes (%(default)s)")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        print(listener.getsockname()[1], flush=True)
        while sys.stdin not in (ready := select.select([sys.stdin, listener], [], [])[0]):
            del ready
            connection, _ = listener.accept()
            if not os.fork():
                listener.close()
                try:
                    serve(connection, options.max_length)
                finally:
                    os._exit(0)
            connection.close()
    return 0


@contextmanager
def sink(max_length: int = DEFAULT_MAX_LENGTH) -> Iterator[int]:
    """Run one beside this process; its port on the loopback."""
    command_line = [sys.executable, "-m", "loadtests.bench.sink", "--max-length", str(max_length)]
    with subprocess.Popen(command_line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018  (they are pipes)
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()


if __name__ == "__main__":
    sys.exit(main())
