"""The log's datagrams, by UDP: HAProxy sends without waiting, and loses a line rather than time if nobody is there."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from exporters.http_log_exporter.line import LONGEST

BUFFER: Final = 4 << 20  # bytes asked of the kernel (it gives no more than net.core.rmem_max): room for a burst
BATCH: Final = 1000  # then others of the loop have their turn: a scrape waits some 20 ms at most
SOCKETS: Final = Path("/proc/self/net/udp")


class Receiver:
    """Hands every datagram on; `take` is called when the socket has some."""

    def __init__(self, lines: socket.socket, line: Callable[[bytes], None]) -> None:
        self._lines, self._line = lines, line

    def take(self) -> None:
        """All that is there, not one at a turn of the loop as asyncio's own endpoint does, but no more than `BATCH`."""
        for _ in range(BATCH):
            try:
                datagram = self._lines.recv(LONGEST + 1)  # the rest of a longer one is cut off: it is refused anyway
            except BlockingIOError:
                return
            self._line(datagram)


class Dropped(Collector):
    """What the kernel dropped because the exporter was too slow to take it (last column of /proc/net/udp, proc(5))."""

    def __init__(self, inode: int, sockets: Path = SOCKETS) -> None:
        self._inode, self._sockets = str(inode), sockets

    def collect(self) -> Iterator[CounterMetricFamily]:
        """None where the kernel doesn't say, rather than a nought that nobody has counted."""
        for row in self._sockets.read_text().splitlines()[1:] if self._sockets.exists() else []:
            columns = row.split()
            if columns[9] == self._inode:
                yield CounterMetricFamily(
                    "http_log_exporter_dropped_lines",
                    "Lines that the kernel dropped since the exporter did not take them in time",
                    value=int(columns[12]),
                )


def bound(host: str, port: int) -> socket.socket:
    """A socket for datagrams; raises OSError if the address can't be had."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        made.setblocking(False)
        made.bind((host, port))
    except OSError:
        made.close()
        raise
    return made
