"""Serves each connection of a listener in a thread of its own."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

END_SECONDS = 30


@contextmanager
def serving(listener: socket.socket, serve: Callable[[socket.socket], None], ended: threading.Event) -> Iterator[None]:
    """`serve` gets each connection and closes it. `ended` is set on leaving: who waits for something looks at it."""
    threads: list[threading.Thread] = []

    def accept() -> None:
        with suppress(OSError):
            while True:
                thread = threading.Thread(target=serve, args=(listener.accept()[0],))
                threads.append(thread)
                thread.start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        for thread in threads:
            thread.join(END_SECONDS)
