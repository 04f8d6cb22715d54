"""One instance an arrival, over associations that are kept: for ramps, steps and soaks."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from locust.exception import StopUser

from loadtests.campaigns.plan import Operation
from loadtests.engine.errors import ScuError
from loadtests.profiles.instance import Instance
from loadtests.profiles.study import Study
from loadtests.users.association import KeptAssociation
from loadtests.users.base import CampaignUser
from loadtests.users.dimse import Acknowledged, DimseUser, LostAssociationError
from loadtests.users.stow import StowUser

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival


class InstanceSource(CampaignUser):
    """Takes one study after the other apart, and says when one has been stored."""

    abstract = True
    _study: Study | None = None
    _instances: Iterator[Instance] = iter(())
    _next: Instance | None = None
    _acknowledged: Acknowledged

    def upcoming(self) -> tuple[Study, Instance]:
        """The instance that is to be stored next, and its study; the same until `done`. Raises StopUser."""
        while self._study is None or self._next is None:
            self._conclude()
            self._study = self.campaign.work.next_study(self.stream)
            if self._study is None:
                raise StopUser
            self._acknowledged, self._instances = {}, self._study.instances()
            self._next = next(self._instances, None)
        return self._study, self._next

    def done(self) -> None:
        """It has been sent."""
        self._next = next(self._instances, None)
        if self._next is None:
            self._conclude()

    def on_stop(self) -> None:
        """Let readers have what there is of the last study."""
        self._conclude()

    def _conclude(self) -> None:
        if self._study is not None:
            self.campaign.work.has_stored(self._study, self._acknowledged)
            self._study = None


class DimseStore(InstanceSource, DimseUser):
    """By C-STORE."""

    def on_start(self) -> None:
        """Nothing is open yet."""
        self._association = KeptAssociation()

    def session(self, arrival: "Arrival") -> None:
        """Store the next instance."""
        study, instance = self.upcoming()
        started = time.monotonic()
        try:
            scu = self._association.for_study(self.target, study)
        except ScuError as error:
            self.give_up(Operation.C_STORE, error, started, arrival.intended)
            return
        try:
            self.send(scu, instance, self._acknowledged, arrival.intended)
        except LostAssociationError:
            self._association.drop()
        self.done()

    def on_stop(self) -> None:
        """Release the association."""
        super().on_stop()
        self._association.close()


class WebStore(InstanceSource, StowUser):
    """By STOW-RS."""

    def session(self, arrival: "Arrival") -> None:
        """Store the next instance."""
        _, instance = self.upcoming()
        self.store([instance], self._acknowledged, arrival.intended)
        self.done()
