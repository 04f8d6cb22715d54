"""Where the archive moves instances to: an SCP of this process, which knows who waits for which of them."""

import threading
from collections.abc import Collection, Iterable

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
        self._waiting: dict[str, Delivery] = {}
        self._lock = threading.Lock()
        self._scp = Scp(self._on_instance, open_sink=open_printer, host=host, port=port)
        self._scp.__enter__()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._scp.port

    def expect(self, uids: Collection[str]) -> Delivery | None:
        """Say what is about to be moved here, by SOP instance UIDs; None: somebody waits for one of them already.

        (Which of two moves has brought an instance can't be told: both have our AE title, and message ids of their own
        associations.)
        """
        delivery = Delivery()
        with self._lock:
            if any(uid in self._waiting for uid in uids):
                return None
            self._waiting.update(dict.fromkeys(uids, delivery))
        return delivery

    def forget(self, uids: Iterable[str]) -> None:
        """Nobody waits for these any more."""
        with self._lock:
            for uid in uids:
                del self._waiting[uid]

    def close(self) -> None:
        """Listen no more."""
        self._scp.close()

    def _on_instance(self, message: Message, transfer_syntax: str) -> int:
        arrived = Arriving()
        said = arrived.on_instance(message, transfer_syntax)
        with self._lock:
            for one in arrived.came:
                if delivery := self._waiting.get(one.sop_instance_uid):
                    delivery.add(one, arrived.size)
        return said
