"""An operating room: films clip by clip, each stored as it ends, some looked at again at once."""

import time
from typing import TYPE_CHECKING

from locust.exception import StopUser

from loadtests.campaigns.plan import Operation
from loadtests.engine.errors import ScuError
from loadtests.engine.scu import Scu
from loadtests.profiles.instance import Instance
from loadtests.users import identifier
from loadtests.users.base import CampaignUser, wait_until
from loadtests.users.dimse import Acknowledged, LostAssociationError
from loadtests.users.dimse_reader import QUERY, DimseReader
from loadtests.users.options import OperatingRoomOptions
from loadtests.users.stow import StowUser

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival


class OperatingRoom(CampaignUser):
    """A session is an operation; with a pace a clip ends every so many seconds."""

    abstract = True

    def session(self, arrival: "Arrival") -> None:
        """Store the films of one operation."""
        study = self.campaign.work.next_study(self.stream)
        if study is None:
            raise StopUser
        random, playback = self.random(arrival), self.options(OperatingRoomOptions).playback
        pace, acknowledged = self.stream.plan.pace_seconds, Acknowledged()
        for number, clip in enumerate(study.instances()):
            intended = wait_until(arrival.intended + number * pace) if pace else None
            if self.campaign.work.stopped:
                break
            self.store_clip(clip, acknowledged, intended)
            if random.random() < playback and clip.sop_instance_uid in acknowledged.get(clip.series_uid, {}):
                self.play_back(clip)
        self.campaign.work.has_stored(study, acknowledged)

    def store_clip(self, clip: Instance, acknowledged: Acknowledged, intended: float | None) -> None:
        """Store it."""
        raise NotImplementedError

    def play_back(self, clip: Instance) -> None:
        """Retrieve and compare it."""
        raise NotImplementedError


class DimseOperatingRoom(OperatingRoom, DimseReader):
    """By C-STORE, an association a clip (minutes lie between them); back by C-GET."""

    def store_clip(self, clip: Instance, acknowledged: Acknowledged, intended: float | None) -> None:
        """Store it."""
        while not self.campaign.work.stopped:
            started = time.monotonic()
            sent = False
            try:
                with Scu(self.target, [(clip.sop_class_uid, [clip.transfer_syntax])]) as scu:
                    sent = True
                    self.send(scu, clip, acknowledged, intended)
                return
            except LostAssociationError:
                return
            except ScuError as error:
                if sent:
                    return  # only the release went wrong
                self.give_up(Operation.C_STORE, error, started, intended)

    def play_back(self, clip: Instance) -> None:
        """C-GET it."""
        started = time.monotonic()
        contexts = [*QUERY, (clip.sop_class_uid, [clip.transfer_syntax])]
        values = {
            identifier.STUDY_UID: clip.study_uid,
            identifier.SERIES_UID: clip.series_uid,
            identifier.SOP_INSTANCE_UID: clip.sop_instance_uid,
        }
        try:
            with Scu(self.target, contexts, retrieves=[clip.sop_class_uid]) as scu:
                self.get(scu, "IMAGE", values, {clip.sop_instance_uid: clip.pixel_sha256})
        except ScuError as error:
            self.give_up(Operation.C_GET, error, started)


class WebOperatingRoom(OperatingRoom, StowUser):
    """By STOW-RS, a clip a request; back by WADO-RS."""

    def store_clip(self, clip: Instance, acknowledged: Acknowledged, intended: float | None) -> None:
        """Store it."""
        self.store([clip], acknowledged, intended)

    def play_back(self, clip: Instance) -> None:
        """WADO-RS it."""
        path = f"studies/{clip.study_uid}/series/{clip.series_uid}/instances/{clip.sop_instance_uid}"
        self.retrieve(path, {clip.sop_instance_uid: clip.pixel_sha256}, clip.size)
