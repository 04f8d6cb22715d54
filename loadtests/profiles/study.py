"""Studies: patient, study and series around the instances of one profile."""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
from pydicom.dataset import Dataset

from loadtests.dataset import SOP_INSTANCE_UID
from loadtests.profiles.instance import Head, Instance, encode, make_instance
from loadtests.profiles.patient import Patient, make_patient, patient_number
from loadtests.profiles.pixels import Pixels
from loadtests.profiles.uids import derive, short_hash

INSTANCE_NUMBER = 0x00200013
STATIONS = 3  # scanners of each kind
SERIES_PAUSE = timedelta(seconds=90)  # from the begin of one series to the next; own estimate


class Profile(Hashable, Protocol):
    """What one kind of modality sends. Series and instances are numbered from 0."""

    name: str
    """Key in campaign files."""
    transfer_syntax: str
    source: str
    """Where its sizes and counts come from, in a line; what is an estimate of our own says so."""

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Instances of each series, none of them 0: drawn, or as many as asked for altogether."""
        ...

    def kind(self, series: int, number: int) -> Hashable:
        """Instances of one kind share an encoded head."""
        ...

    def data_set(self, series: int, number: int) -> Dataset:
        """A new data set of that kind up to the pixel data: what belongs to equipment, acquisition and image.

        The study writes over patient, study, series and SOP instance. Acquisition, content and frame of reference are
        filled in where the data set has the elements (with whatever value).
        """
        ...

    def pixels(self, series: int, number: int) -> Pixels:
        """What follows the head: shared by many instances, kept by the profile."""
        ...

    def geometry(self, series: int, number: int) -> Mapping[int, str | bytes]:
        """Values of fixed length that differ from instance to instance of a kind: tag -> value, text or as encoded."""
        ...


class Study:
    """A study to be sent: known by its identifiers, its instances made as they are asked for.

    Args:
        profile: what kind of study.
        run: the run's name, from which UIDs, accession number and patient ID are derived.
        number: of the study within the run, from 1.
        instances: how many, or None for as many as the profile draws.
        performed: when it was.
        seed: what is drawn; the same one makes the same structure and the same patient in every run.
    """

    def __init__(
        self, profile: Profile, run: str, number: int, instances: int | None, performed: datetime, seed: int = 0
    ) -> None:
        self.profile, self.run, self.number, self.performed, self.seed = profile, run, number, performed, seed
        self._scope = f"{run}/{seed}"
        self._instances = instances

    def __repr__(self) -> str:
        return f"Study({self.profile.name!r}, {self.run!r}, {self.number}, {self._instances}, seed={self.seed})"

    @cached_property
    def uid(self) -> str:
        """Study instance UID."""
        return derive(self._scope, self.number)

    @property
    def accession_number(self) -> str:
        """Unique to the run's study; 16 characters (PS3.5 section 6.2, SH)."""
        return f"VT{short_hash(self._scope)}{self.number:07d}"

    @cached_property
    def patient(self) -> Patient:
        """The same as that of other studies of the run, for those who come again."""
        return make_patient(self._scope, self.seed, patient_number(self.seed, self.number))

    @property
    def patient_id(self) -> str:
        """Marked as a test's."""
        return self.patient.patient_id

    @cached_property
    def _structure(self) -> list[int]:
        return self.profile.structure(np.random.default_rng([self.seed, self.number]), self._instances)

    @property
    def instance_count(self) -> int:
        """Of all series."""
        return sum(self._structure)

    def series_uid(self, series: int) -> str:
        """Series instance UID of the series with this number, from 0."""
        return derive(self._scope, self.number, series)

    def series_sizes(self) -> list[int]:
        """Instances of each series."""
        return list(self._structure)

    def instances(self) -> Iterator[Instance]:
        """The instances in the order in which a modality sends them."""
        for series, size in enumerate(self._structure):
            heads: dict[Hashable, Head] = {}
            series_uid = self.series_uid(series)
            for number in range(size):
                kind = self.profile.kind(series, number)
                if kind not in heads:
                    heads[kind] = self._head(series, number)
                yield self._instance(heads[kind], series_uid, series, number)

    def bytes_estimate(self) -> int:
        """What all instances are together, taking those of one kind to be of one size, in bytes."""
        return sum(count * sample(self.profile, series, number)[0] for (series, number), count in self.kinds().items())

    def sop_classes(self) -> set[str]:
        """SOP class UIDs of its instances: what an association for it proposes."""
        return {sample(self.profile, series, number)[1] for series, number in self.kinds()}

    def kinds(self) -> Counter[tuple[int, int]]:
        """Instances of each kind, which is known by the series and number of its first one."""
        first: dict[Hashable, tuple[int, int]] = {}
        found: Counter[tuple[int, int]] = Counter()
        for series, size in enumerate(self._structure):
            for number in range(size):
                kind: tuple[int, Hashable] = (series, self.profile.kind(series, number))
                found[first.setdefault(kind, (series, number))] += 1
        return found

    def _head(self, series: int, number: int) -> Head:
        kind, parts = _encoded(self.profile, series, number)
        performed = self.performed + series * SERIES_PAUSE
        day, clock = f"{performed:%Y%m%d}", f"{performed:%H%M%S}"
        own = Dataset()
        self.patient.describe(own)
        own.StudyDate, own.StudyTime = f"{self.performed:%Y%m%d}", f"{self.performed:%H%M%S}"
        own.SeriesDate, own.SeriesTime = day, clock
        for moment in ("Acquisition", "Content"):
            if f"{moment}Date" in kind:
                setattr(own, f"{moment}Date", day)
                setattr(own, f"{moment}Time", clock)
        if "AcquisitionDateTime" in kind:
            own.AcquisitionDateTime = day + clock
        own.AccessionNumber = self.accession_number
        own.InstitutionName = "VNAOPS TEST"
        own.StationName = f"VNAOPS{kind.Modality}{1 + self.number % STATIONS}"
        own.ReferringPhysicianName = ""
        own.StudyDescription = "Synthetic test study"
        if "SeriesDescription" not in kind:
            own.SeriesDescription = f"Synthetic {self.profile.name} {series + 1}"
        own.StudyInstanceUID = self.uid
        own.SeriesInstanceUID = self.series_uid(series)
        own.SOPInstanceUID = self.uid  # of the length of those that take its place
        own.StudyID = f"{self.number}"
        own.SeriesNumber = series + 1
        own.InstanceNumber = "000000"
        if "NumberOfSlices" in kind and kind.Modality == "PT":
            own.NumberOfSlices = max(1, *self._structure[series : series + 1])
        if "FrameOfReferenceUID" in kind:
            own.FrameOfReferenceUID = derive(self._scope, self.number, "frame of reference")
        return Head(
            str(kind.SOPClassUID),
            {**parts, **encode(own)},
            (SOP_INSTANCE_UID, INSTANCE_NUMBER, *self.profile.geometry(series, number)),
        )

    def _instance(self, head: Head, series_uid: str, series: int, number: int) -> Instance:
        uid = derive(self._scope, self.number, series, number)
        return make_instance(
            head,
            {
                SOP_INSTANCE_UID: uid,
                INSTANCE_NUMBER: f"{number + 1:06d}",
                **self.profile.geometry(series, number),
            },
            self.profile.pixels(series, number),
            hashlib.sha256(uid.encode()).digest(),
            uids=(self.uid, series_uid, uid),
            syntax=self.profile.transfer_syntax,
        )


@lru_cache(maxsize=1024)
def _encoded(profile: Profile, series: int, number: int) -> tuple[Dataset, dict[int, bytes]]:
    """The data set of the instance's kind and its encoded elements: most of a head, and the same in all studies."""
    data_set = profile.data_set(series, number)
    return data_set, encode(data_set)


@lru_cache(maxsize=4096)
def sample(profile: Profile, series: int, number: int) -> tuple[int, str]:
    """Size in bytes and SOP class UID of an instance like this one."""
    study = Study(profile, "sample", 1, None, datetime(2026, 1, 1, tzinfo=UTC))
    instance = study._instance(study._head(series, number), study.uid, series, number)
    return instance.size, instance.sop_class_uid


def new_run() -> str:
    """A name for a run, from its moment: the source of all its UIDs. Given again, it makes the same ones."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
