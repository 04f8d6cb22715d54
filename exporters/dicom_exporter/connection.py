"""A connection to a target, plain or with TLS, for DIMSE and HTTP: phases `resolve`, `connect`, `tls`."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from exporters.dicom_exporter import tls as tls_module
from exporters.dicom_exporter.outcome import Outcome, ProbeError, os_words
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.target import Target
from exporters.dicom_exporter.tls import Tls

Address = tuple[socket.AddressFamily, tuple[Any, ...]]
Protocol = TypeVar("Protocol", bound=asyncio.Protocol)

HANDSHAKE_SECONDS = 300.0  # asyncio's own limit of 60 is not the module's: the probe's deadline ends it


async def open_connection(
    target: Target, tls: Tls | None, probe: Probe, factory: Callable[[], Protocol]
) -> tuple[asyncio.Transport, Protocol]:
    """Connect. Raises ProbeError or OSError; whoever has the transport aborts it at the end."""
    context = None if tls is None else _context(tls)
    with probe.phase("resolve"):
        addresses = await _resolve(target)
    with probe.phase("connect"):
        connection = await _connect(addresses, probe)
    loop = asyncio.get_running_loop()
    if tls is None or context is None:
        return await loop.create_connection(factory, sock=connection)
    with probe.phase("tls"):
        try:
            transport, protocol = await _secure(connection, tls.server_name or target.host, context, factory)
        except ssl.SSLCertVerificationError as error:
            await _look_at_certificate(addresses, tls.server_name or target.host, probe)
            words = f"the certificate is not trusted: {error.verify_message}"
            raise ProbeError(Outcome.CERTIFICATE_INVALID, words) from None
        _note(transport, probe)
    return transport, protocol


async def open_stream(
    target: Target, tls: Tls | None, probe: Probe
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The same as a pair of streams."""
    reader = asyncio.StreamReader()
    transport, protocol = await open_connection(target, tls, probe, lambda: asyncio.StreamReaderProtocol(reader))
    return reader, asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())


async def _resolve(target: Target) -> list[Address]:
    """The addresses; an address needs no resolver and no thread."""
    loop, kind = asyncio.get_running_loop(), {"type": socket.SOCK_STREAM, "proto": socket.IPPROTO_TCP}
    try:
        try:
            found = socket.getaddrinfo(target.host, target.port, flags=socket.AI_NUMERICHOST, **kind)
        except socket.gaierror:
            found = await loop.getaddrinfo(target.host, target.port, **kind)
    except (socket.gaierror, UnicodeError) as error:
        words = os_words(error) if isinstance(error, OSError) else "it is no host name"
        raise ProbeError(Outcome.UNRESOLVED, f"{target.host} can't be resolved: {words}") from None
    return [(family, address) for family, _, _, _, address in found]


async def _connect(addresses: list[Address], probe: Probe) -> socket.socket:
    """A connection to the first address that answers."""
    for number, (family, address) in enumerate(addresses, 1):
        # with its protocol: asyncio sets TCP_NODELAY only where that is named
        connection = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, address)
        except BaseException as error:
            connection.close()
            if number == len(addresses) or not isinstance(error, OSError):
                raise
            probe.say("next address", failed=address[0], reason=os_words(error))
        else:
            probe.say("connected", address=address[0])
            return connection
    raise ProbeError(Outcome.UNRESOLVED, "the host has no address")


async def _secure(
    connection: socket.socket, name: str, context: ssl.SSLContext, factory: Callable[[], Protocol]
) -> tuple[asyncio.Transport, Protocol]:
    return await asyncio.get_running_loop().create_connection(
        factory, sock=connection, ssl=context, server_hostname=name, ssl_handshake_timeout=HANDSHAKE_SECONDS
    )


def _context(tls: Tls) -> ssl.SSLContext:
    try:
        return tls.context()
    except OSError as error:
        words = f"the files of the section tls can't be used: {os_words(error)}"
        raise ProbeError(Outcome.TLS_FAILED, words) from None


def _note(transport: asyncio.Transport, probe: Probe) -> None:
    connection: ssl.SSLObject = transport.get_extra_info("ssl_object")
    probe.tls_version = connection.version()
    probe.certificate_not_after = tls_module.earliest_end(connection)
    probe.say("secured", version=probe.tls_version, cipher=(connection.cipher() or ("?",))[0])


async def _look_at_certificate(addresses: list[Address], name: str, probe: Probe) -> None:
    """When it ends, over a second connection: OpenSSL keeps nothing of a certificate that it refuses."""
    with suppress(OSError, ProbeError):
        connection = await _connect(addresses, probe)
        transport, _ = await _secure(connection, name, tls_module.unverified(), asyncio.Protocol)
        _note(transport, probe)
        transport.abort()
