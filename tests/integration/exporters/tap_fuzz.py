"""Mutated DICOM streams through a tap to a peer that keeps them: what arrives is what was sent, byte for byte.

`make fuzz-tap` runs a million of them, the tests ten thousand: python -m tests.integration.exporters.tap_fuzz 1000000
"""

import random
import select
import socket
import sys
import time
from collections.abc import Iterator

from exporters.dimse import command
from tests.peers.tap import Tap, tap
from tests.unit.exporters.dimse_tap.test_follower import CONVERSATION, CT, message

BATCH = 32
PATIENCE_SECONDS = 60.0


def streams(random_: random.Random) -> Iterator[tuple[bytes, bytes]]:
    """Both directions of a mutated association: bits flipped, pieces cut out, doubled, moved; lengths made absurd."""
    there = b"".join(data for direction, data in CONVERSATION if not direction)
    back = b"".join(data for direction, data in CONVERSATION if direction)
    while True:
        big = message(1, command.store_request(11, CT, "1.2.5"), random_.randbytes(random_.choice((0, 3000, 90000))))
        yield mutated(there[:-10] + big + there[-10:], random_), mutated(back, random_)


def mutated(stream: bytes, random_: random.Random) -> bytes:
    """One to four mutations, or none in one of eight."""
    made = bytearray(stream)
    for _ in range(random_.choice((0, 1, 1, 1, 2, 2, 3, 4))):
        at, size = random_.randrange(len(made) or 1), random_.choice((1, 2, 4, 10, 100))
        kind = random_.randrange(6)
        if kind == 0 and made:
            made[at] ^= 1 << random_.randrange(8)
        elif kind == 1:
            del made[at : at + size]
        elif kind == 2:
            made[at:at] = made[at : at + size]
        elif kind == 3:
            made[at : at + 4] = random_.choice((b"\xff\xff\xff\xff", bytes(4), b"\x7f\xff\xff\xfe"))
        elif kind == 4:
            made[at:at] = random_.randbytes(size)
        else:
            del made[at:]
    return bytes(made)


class _Exchange:
    """One connection: a client's stream there, a server's back, in pieces of random size."""

    def __init__(self, client: socket.socket, server: socket.socket, there: bytes, back: bytes) -> None:
        self.ends = (client, server)
        self.sent = (there, back)
        self.at = [0, 0]
        self.got = (bytearray(), bytearray())
        self.ended = [False, False]

    def done(self) -> bool:
        return all(self.ended)

    def check(self) -> None:
        for name, sent, got in zip(("there", "back"), self.sent, reversed(self.got), strict=True):
            if sent != got:
                raise AssertionError(f"{name}: {len(sent)} bytes were sent, {len(got)} came or others did: {sent!r}")


def run(count: int, seed: int, through: Tap, listener: socket.socket, progress: bool = False) -> None:
    """So many associations. Raises AssertionError for a byte that is lost, added or changed."""
    random_ = random.Random(seed)
    source = streams(random_)
    begun = time.monotonic()
    for number in range(0, count, BATCH):
        _batch([next(source) for _ in range(min(BATCH, count - number))], random_, through, listener)
        if progress and number % (BATCH * 256) == 0:
            rate = (number + BATCH) / (time.monotonic() - begun)
            print(f"{number + BATCH:,} of {count:,} streams, {rate:,.0f}/s", file=sys.stderr)


def _batch(pairs: list[tuple[bytes, bytes]], random_: random.Random, through: Tap, listener: socket.socket) -> None:
    exchanges: dict[int, tuple[_Exchange, int]] = {}
    poll = select.epoll()
    opened = []
    for there, back in pairs:
        client = socket.create_connection(("127.0.0.1", through.port), timeout=PATIENCE_SECONDS)
        server = listener.accept()[0]  # one at a time: so that who belongs to whom is known
        opened.append(_Exchange(client, server, there, back))
    for exchange in opened:
        for side, end in enumerate(exchange.ends):
            end.setblocking(False)
            exchanges[end.fileno()] = (exchange, side)
            poll.register(end, select.EPOLLIN | select.EPOLLOUT)
    while exchanges:
        ready = poll.poll(PATIENCE_SECONDS)
        if not ready:
            raise AssertionError(f"{len(exchanges)} ends wait for bytes that don't come")
        for number, events in ready:
            exchange, side = exchanges[number]
            if events & select.EPOLLOUT:
                _send(exchange, side, random_, poll)
            if events & ~select.EPOLLOUT and not exchange.ended[side]:
                data = exchange.ends[side].recv(1 << 16)
                exchange.got[side].extend(data)
                exchange.ended[side] = not data
            if exchange.done() and exchange.at == [len(sent) for sent in exchange.sent]:
                for end in exchange.ends:
                    exchanges.pop(end.fileno())
                    poll.unregister(end)
                    end.close()
                exchange.check()
                break
    poll.close()


def _send(exchange: _Exchange, side: int, random_: random.Random, poll: select.epoll) -> None:
    stream, end = exchange.sent[side], exchange.ends[side]
    piece = stream[exchange.at[side] : exchange.at[side] + random_.choice((1, 5, 7, 64, 1500, 1 << 17))]
    if piece:
        exchange.at[side] += end.send(piece)
    if exchange.at[side] == len(stream):
        end.shutdown(socket.SHUT_WR)
        poll.modify(end, select.EPOLLIN)


def main() -> None:
    """The command line: how many, and a seed."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, tap(listener.getsockname()[1]) as through:
        run(count, seed, through, listener, progress=True)
        print(f"{count:,} streams arrived byte for byte; not understood: {through.total('unparsed_total'):,.0f}")


if __name__ == "__main__":
    main()
