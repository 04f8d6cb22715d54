"""A reading room: the patient's list, the first image, the series scrolled through, prior studies."""

import time
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

import gevent

from loadtests.campaigns.plan import Operation
from loadtests.campaigns.work import StoredStudy
from loadtests.engine.errors import ScuError
from loadtests.engine.scu import Scu
from loadtests.users import identifier
from loadtests.users.base import CampaignUser, wait_until
from loadtests.users.dicomweb import value
from loadtests.users.dimse_reader import DimseReader
from loadtests.users.image_reader import ImageReader
from loadtests.users.options import ReadingRoomOptions, WebReadingRoomOptions
from loadtests.users.web_reader import SERIES_UID, STUDY_UID

if TYPE_CHECKING:
    from loadtests.campaigns.arrivals import Arrival

T = TypeVar("T")


class Reader(CampaignUser):
    """A session is a study that is read. The images while scrolling ought to begin in the reader's own time."""

    abstract = True

    def session(self, arrival: "Arrival") -> None:
        """Read one of the stored studies; without any yet there is nothing to read."""
        self._source = self.random(arrival)
        stored = self.pick(self._source)
        if stored is None:
            return
        self.read(stored)
        gevent.sleep(self.options(ReadingRoomOptions).think_seconds)

    def read(self, stored: StoredStudy) -> None:
        """Open it, scroll, look at priors."""
        raise NotImplementedError

    def others(self, stored: StoredStudy, uids: list[str]) -> list[str]:
        """Of the patient's studies those that are opened too."""
        return [uid for uid in uids if uid != stored.study.uid][: self.options(ReadingRoomOptions).priors]

    def some_series(self, stored: StoredStudy) -> tuple[str, dict[str, str]]:
        """The one that is scrolled through: its UID, and its instances with their hashes."""
        series = list(stored.series.items())
        return series[int(self._source.integers(len(series)))]

    def scroll(self, images: Iterable[T]) -> Iterator[tuple[T, float]]:
        """The images that are looked at, each when it ought to be asked for, and that moment."""
        options, begun = self.options(ReadingRoomOptions), time.monotonic()
        for number, image in enumerate(islice(images, options.images)):
            moment = wait_until(begun + number * options.scroll_seconds)
            if self.campaign.work.stopped:
                return
            yield image, moment


class DimseReadingRoom(Reader, DimseReader):
    """By C-FIND down to the images, and C-GET: the first image alone, the others one by one, prior studies whole."""

    def read(self, stored: StoredStudy) -> None:
        """Open it, scroll, look at priors."""
        started, operation = time.monotonic(), Operation.C_FIND
        try:
            with self.associate([stored]) as scu:
                patients = self._list(scu, stored)
                series_uid, expected = self.some_series(stored)
                operation = Operation.C_GET
                for uid, moment in self.scroll(expected):
                    started = time.monotonic()
                    place = {identifier.STUDY_UID: stored.study.uid, identifier.SERIES_UID: series_uid}
                    wanted = {**place, identifier.SOP_INSTANCE_UID: uid}
                    self.get(scu, "IMAGE", wanted, {uid: expected[uid]}, intended=moment)
            for uid in self.others(stored, list(patients)):
                started = time.monotonic()
                with self.associate_for(patients[uid]) as scu:
                    self.get(scu, "STUDY", {identifier.STUDY_UID: uid}, {})
        except ScuError as error:
            self.give_up(operation, error, started)

    def _list(self, scu: Scu, stored: StoredStudy) -> dict[str, list[str]]:
        """The patient's studies with their SOP classes; of the one that is read, down to the images."""
        study, key = stored.study, identifier.STUDY_UID
        wanted = {identifier.PATIENT_ID: study.patient_id, identifier.SOP_CLASSES: ""}
        studies = self.find(scu, "STUDY", wanted, key, [study.uid])
        within = {identifier.STUDY_UID: study.uid}
        self.find(scu, "SERIES", within, identifier.SERIES_UID, stored.series)
        for series_uid, expected in stored.series.items():
            self.find(
                scu, "IMAGE", {**within, identifier.SERIES_UID: series_uid}, identifier.SOP_INSTANCE_UID, expected
            )
        return {one[key]: one.get(identifier.SOP_CLASSES, "").split("\\") for one in studies if one.get(key)}


class WebReadingRoom(Reader, ImageReader):
    """By QIDO-RS page by page, metadata, rendered images and frames; of prior studies the first image."""

    def read(self, stored: StoredStudy) -> None:
        """Open it, scroll, look at priors."""
        options, study = self.options(WebReadingRoomOptions), stored.study
        patients = self.query("studies", {"PatientID": study.patient_id}, page=options.page, expected=[study.uid])
        root = f"studies/{study.uid}"
        self.query(f"{root}/series", {}, page=options.page, expected=stored.series)
        series_uid, expected = self.some_series(stored)
        path = f"{root}/series/{series_uid}"
        self.query(f"{path}/instances", {}, page=options.page, expected=expected)
        described = self.metadata(path, expected)
        if described is None:
            return
        images = (image for one in described if one.uid in expected for image in one.images)
        first = next(images, None)
        for uid in stored.series if options.thumbnails else ():
            self.rendered(f"{root}/series/{uid}/thumbnail")
        if first is None:
            return
        self.rendered(f"{path}/instances/{first[0]}/rendered")
        for (uid, number), moment in self.scroll(chain([first], images)):
            place = f"{path}/instances/{uid}"
            if self._source.random() < options.rendered:
                self.rendered(f"{place}/frames/{number}/rendered", intended=moment)
            else:
                self.frames(place, [number], self.frames_of(stored, uid), intended=moment)
        for uid in self.others(stored, [value(one, STUDY_UID) for one in patients or []]):
            self._glance(uid)

    def _glance(self, study_uid: str) -> None:
        """The first image of a prior study, whatever it is."""
        listed = self.query(f"studies/{study_uid}/series", {})
        for series in (listed or [])[:1]:
            path = f"studies/{study_uid}/series/{value(series, SERIES_UID)}"
            for one in (self.metadata(path, ()) or [])[:1]:
                if next(one.images, None):
                    self.rendered(f"{path}/instances/{one.uid}/rendered")
