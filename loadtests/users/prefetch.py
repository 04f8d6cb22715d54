"""A prefetch: the patient's prior study is moved to the workstation before the patient comes."""

import threading
import time
from typing import TYPE_CHECKING, ClassVar

from exporters.dimse import uids
from loadtests.campaigns.plan import Operation
from loadtests.campaigns.work import StoredStudy
from loadtests.engine.errors import ScuError
from loadtests.engine.scu import Scu
from loadtests.environment import MoveDestination
from loadtests.transactions import RequestFailed
from loadtests.users import identifier
from loadtests.users.base import compared, everything
from loadtests.users.dimse_reader import DimseReader
from loadtests.users.receiver import Receiver

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival


class Prefetch(DimseReader):
    """C-FIND by patient, then C-MOVE to our own SCP; C-GET where there is no destination, which is said once."""

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _receiver: ClassVar[Receiver | None] = None
    _users: ClassVar[int] = 0
    _said: ClassVar[bool] = False

    @property
    def destination(self) -> MoveDestination | None:
        """Where the archive would send to."""
        return self.campaign.environment.move_destination

    def on_start(self) -> None:
        """Listen, if nobody in this process does yet."""
        with Prefetch._lock:
            Prefetch._users += 1
            if Prefetch._receiver is not None or Prefetch._said:
                return
            Prefetch._said = True
            if self.destination is None:
                _say("C-GET instead of C-MOVE: the environment's outputs have no moveDestination")
                return
            host, port = self.destination.host, self.destination.port
            try:
                Prefetch._receiver = Receiver(host, port)
            except OSError as error:
                _say(f"C-GET instead of C-MOVE: {host}:{port} can't be listened on ({error.strerror or error})")

    def on_stop(self) -> None:
        """The last one closes."""
        with Prefetch._lock:
            Prefetch._users -= 1
            if not Prefetch._users:
                if Prefetch._receiver is not None:
                    Prefetch._receiver.close()
                Prefetch._receiver, Prefetch._said = None, False

    def session(self, arrival: "Arrival") -> None:
        """Fetch one of the stored studies; without any yet there is nothing to fetch."""
        stored = self.pick(self.random(arrival))
        if stored is None:
            return
        study = stored.study
        started, operation = time.monotonic(), Operation.C_FIND
        try:
            with self.associate([stored]) as scu:
                wanted = {identifier.PATIENT_ID: study.patient_id}
                self.find(scu, "STUDY", wanted, identifier.STUDY_UID, [study.uid])
                started = time.monotonic()
                if Prefetch._receiver is None or self.destination is None:
                    operation = Operation.C_GET
                    self.get(scu, "STUDY", {identifier.STUDY_UID: study.uid}, everything(stored))
                else:
                    operation = Operation.C_MOVE
                    self._move(scu, stored, Prefetch._receiver, self.destination.ae_title)
        except ScuError as error:
            self.give_up(operation, error, started)

    def _move(self, scu: Scu, stored: StoredStudy, receiver: Receiver, destination: str) -> None:
        expected, started = everything(stored), time.monotonic()
        delivery = receiver.expect(expected)
        if delivery is None:  # another user is just fetching it
            return
        wanted = identifier.encode("STUDY", {identifier.STUDY_UID: stored.study.uid})
        try:
            answer = scu.move(uids.STUDY_ROOT_MOVE, destination, wanted)
        finally:
            receiver.forget(expected)
        wrong = compared(expected, delivery.came)
        if answer.failed and wrong is None:
            wrong = RequestFailed("sub-operations failed")
        self.report(
            Operation.C_MOVE,
            started=started,
            ended=time.monotonic(),
            instances=len(delivery.came),
            size=delivery.size,
            error=wrong,
            status=f"0x{answer.status:04X}",
        )


def _say(words: str) -> None:
    print(f"prefetch: {words}")
