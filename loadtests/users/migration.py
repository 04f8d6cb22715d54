"""A migration: study after study from an old archive, at the pace in bytes that the stream has as a whole."""

import time
from itertools import islice
from typing import TYPE_CHECKING

from locust.exception import StopUser

from loadtests.campaigns.plan import Operation
from loadtests.engine.errors import ScuError
from loadtests.profiles.study import Study
from loadtests.users.association import KeptAssociation
from loadtests.users.dimse import Acknowledged, DimseUser, LostAssociationError
from loadtests.users.options import StowOptions
from loadtests.users.stow import StowUser

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival


class DimseMigration(DimseUser):
    """By C-STORE over associations that are kept."""

    def on_start(self) -> None:
        """Nothing is open yet."""
        self._association = KeptAssociation()

    def session(self, arrival: "Arrival") -> None:  # noqa: ARG002  (the signature of all behaviours)
        """Store the next study."""
        study = self.campaign.work.next_study(self.stream)
        if study is None:
            raise StopUser
        self.campaign.work.has_stored(study, self._store(study))

    def _store(self, study: Study) -> Acknowledged:
        acknowledged: Acknowledged = {}
        for instance in study.instances():
            intended = self.stream.pace(instance.size)
            while not self.campaign.work.stopped:
                started = time.monotonic()
                try:
                    scu = self._association.for_study(self.target, study)
                except ScuError as error:
                    self.give_up(Operation.C_STORE, error, started, intended)
                    continue
                try:
                    self.send(scu, instance, acknowledged, intended)
                except LostAssociationError:
                    self._association.drop()
                break
        return acknowledged

    def on_stop(self) -> None:
        """Release the association."""
        self._association.close()


class WebMigration(StowUser):
    """By STOW-RS."""

    def session(self, arrival: "Arrival") -> None:  # noqa: ARG002  (the signature of all behaviours)
        """Store the next study."""
        study = self.campaign.work.next_study(self.stream)
        if study is None:
            raise StopUser
        acknowledged: Acknowledged = {}
        instances, size = study.instances(), self.options(StowOptions).instances_per_request
        while (batch := list(islice(instances, size))) and not self.campaign.work.stopped:
            self.store(batch, acknowledged, self.stream.pace(sum(one.size for one in batch)))
        self.campaign.work.has_stored(study, acknowledged)
