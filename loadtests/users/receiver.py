"""Where the archive moves instances to: an SCP of this process, which knows who waits for which of them."""

import threading
from collections import deque
from collections.abc import Iterable

from exporters.dimse.message import Message
from loadtests.dataset import Fingerprint
from loadtests.engine.scp import Scp
from loadtests.users.dimse_reader import Arriving, open_printer


class Delivery:
    """Instances that somebody waits for, as they came."""

    def __init__(self) -> None:
        self.came: list[Fingerprint] = []
        self.size = 0

    def add(self, one: Fingerprint, size: int) -> None:
        """It has come."""
        self.came.append(one)
        self.size += size


class Receiver:
    """Serves until it is closed.

    Raises:
        OSError: the address can't be listened on.
    """

    def __init__(self, host: str, port: int) -> None:
        self._waiting: dict[str, deque[Delivery]] = {}
        self._lock = threading.Lock()
        self._scp = Scp(self._on_instance, open_sink=open_printer, host=host, port=port)
        self._scp.__enter__()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._scp.port

    def expect(self, uids: Iterable[str]) -> Delivery:
        """Say what is about to be moved here, by SOP instance UIDs."""
        delivery = Delivery()
        with self._lock:
            for uid in uids:
                self._waiting.setdefault(uid, deque()).append(delivery)
        return delivery

    def forget(self, uids: Iterable[str], delivery: Delivery) -> None:
        """Nobody waits for this delivery any more."""
        with self._lock:
            for uid in uids:
                waiting = self._waiting.get(uid)
                if waiting is not None:
                    if delivery in waiting:
                        waiting.remove(delivery)
                    if not waiting:
                        del self._waiting[uid]

    def close(self) -> None:
        """Listen no more."""
        self._scp.close()

    def _on_instance(self, message: Message, transfer_syntax: str) -> int:
        arrived = Arriving()
        said = arrived.on_instance(message, transfer_syntax)
        with self._lock:
            for one in arrived.came:
                # of several who wait for the same, each gets it once: whose turn it is goes to the end
                if waiting := self._waiting.get(one.sop_instance_uid):
                    waiting[0].add(one, arrived.size)
                    waiting.rotate(-1)
        return said
