"""A modality: stores a study as the scanner ends, by C-STORE over an association of its own, or by STOW-RS."""

import time
from itertools import islice
from typing import TYPE_CHECKING

from locust.exception import StopUser

from loadtests.engine.errors import ScuError
from loadtests.engine.scu import Scu
from loadtests.profiles.study import Study
from loadtests.users.base import wait_until
from loadtests.users.dimse import Acknowledged, DimseUser, LostAssociationError
from loadtests.users.options import StowOptions
from loadtests.users.stow import StowUser

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival


class DimseModality(DimseUser):
    """An association a study, its instances one after the other; a new association where one is lost.

    With a pace the n-th instance ought to begin n times the pace after the study; what is later than that has waited.
    """

    def session(self, arrival: "Arrival") -> None:
        """Store the next study."""
        study = self.campaign.work.next_study(self.stream)
        if study is None:
            raise StopUser
        self.campaign.work.has_stored(study, self._store(study, arrival.intended))

    def _store(self, study: Study, begun: float) -> Acknowledged:
        acknowledged: Acknowledged = {}
        contexts = [(sop_class, [study.profile.transfer_syntax]) for sop_class in sorted(study.sop_classes())]
        pace, work = self.stream.plan.pace_seconds, self.campaign.work
        instances = enumerate(study.instances())
        following = next(instances, None)
        while following is not None and not work.stopped:
            started = time.monotonic()
            try:
                with Scu(self.target, contexts) as scu:
                    while following is not None and not work.stopped:
                        (number, instance), following = following, next(instances, None)
                        intended = wait_until(begun + number * pace) if pace else None
                        self.send(scu, instance, acknowledged, intended)
            except LostAssociationError:
                continue
            except ScuError as error:
                if following is not None:  # else only the release went wrong, when all was said
                    self.give_up("C-STORE", error, started)
        return acknowledged


class WebModality(StowUser):
    """A modality with DICOMweb: a few instances a request."""

    def session(self, arrival: "Arrival") -> None:
        """Store the next study."""
        study = self.campaign.work.next_study(self.stream)
        if study is None:
            raise StopUser
        pace, made = self.stream.plan.pace_seconds, 0
        acknowledged: Acknowledged = {}
        instances, size = study.instances(), self.options(StowOptions).instances_per_request
        while (batch := list(islice(instances, size))) and not self.campaign.work.stopped:
            made += len(batch)  # a request can begin when its last instance is there
            intended = wait_until(arrival.intended + (made - 1) * pace) if pace else None
            self.store(batch, acknowledged, intended)
        self.campaign.work.has_stored(study, acknowledged)
