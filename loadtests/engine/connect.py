"""From a target to a connected socket, with the time that each phase took."""

import socket
import ssl
import time
from dataclasses import dataclass, field
from typing import Any

from exporters.dimse.items import DEFAULT_MAX_LENGTH
from loadtests.engine.errors import ConnectError


@dataclass(slots=True, frozen=True)
class Target:
    """Who is called, who calls, and how long is waited (seconds).

    `answer_timeout` bounds one operation as a whole; of C-GET, C-FIND and C-MOVE the time from one answer to the next.
    `tls` is for DICOM's secure transport (PS3.15 annex B). `window` is how many operations at a time are asked for
    (0: any number). `max_length` is the longest P-DATA-TF PDU that the peer may send, in bytes (0: any).
    """

    host: str
    port: int
    called_ae_title: str
    calling_ae_title: str = "VNAOPS_LOAD"
    connect_timeout: float = 5.0
    association_timeout: float = 10.0
    answer_timeout: float = 30.0
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    window: int = 1
    max_length: int = DEFAULT_MAX_LENGTH


@dataclass(slots=True)
class Phases:
    """Seconds, by a monotonic clock, that the phases of an association took; 0 for those that there weren't (yet)."""

    resolve: float = 0.0
    connect: float = 0.0
    tls: float = 0.0
    associate: float = 0.0
    release: float = 0.0


def connect(target: Target, phases: Phases) -> socket.socket:
    """A connection within the target's time-out.

    Raises:
        ConnectError: there is none; why is in its kind.
    """
    where, begun = f"{target.host}:{target.port}", time.monotonic()
    deadline = begun + target.connect_timeout
    try:
        addresses: list[tuple[Any, ...]] = list(socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise ConnectError("no such host", f"{target.host} can't be resolved: {error}") from None
    resolved = time.monotonic()
    phases.resolve = resolved - begun
    try:
        connection = _first(addresses, deadline)
    except TimeoutError:
        said = f"{where} was not reached in {target.connect_timeout:g} s"
        raise ConnectError("connection timed out", said) from None
    except ConnectionRefusedError:
        raise ConnectError("connection refused", f"{where} refuses the connection") from None
    except OSError as error:
        raise ConnectError("no connection", f"{where} can't be reached: {error}") from None
    connected = time.monotonic()
    phases.connect = connected - resolved
    if target.tls is None:
        return connection
    try:
        connection.settimeout(max(0.001, deadline - connected))
        secured = target.tls.wrap_socket(connection, server_hostname=target.host)
    except (OSError, ValueError) as error:  # ValueError: a name that no certificate can have
        connection.close()
        reason = getattr(error, "verify_message", "") or getattr(error, "reason", "") or error
        raise ConnectError("no TLS", f"{where}: there is no TLS connection: {reason}") from None
    phases.tls = time.monotonic() - connected
    return secured


def without_delay(connection: socket.socket) -> None:
    """Set TCP_NODELAY.

    Without it the last part of a message waits for the acknowledgement of the first, 44 ms (Nagle's algorithm).
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _first(addresses: list[tuple[Any, ...]], deadline: float) -> socket.socket:
    """Connected to the first address that answers."""
    failed: OSError = TimeoutError()
    for family, kind, protocol, _, address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(left)
            connection.connect(address)
        except OSError as error:
            connection.close()
            failed = error
        else:
            without_delay(connection)
            return connection
    raise failed
