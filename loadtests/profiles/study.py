"""Studies: patient, study and series around the instances of one profile."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from pydicom.dataset import Dataset

from loadtests.dataset import SOP_INSTANCE_UID
from loadtests.profiles.instance import Head, Instance, Pixels
from loadtests.profiles.uids import derive

PATIENT_ID_PREFIX = "VNAOPS-TEST-"
PATIENT_NAME_PREFIX = "VNAOPS^TEST"
INSTANCE_NUMBER = 0x00200013


class Profile(Protocol):
    """What one kind of modality sends."""

    name: str
    series: int
    """Series of a study; its instances are shared out among them."""
    transfer_syntax: str

    def data_set(self) -> Dataset:
        """A new data set up to the pixel data, with what belongs to equipment, acquisition and image."""
        ...

    def pixels(self, number: int) -> Pixels:
        """The pixel data of the instance with this number within its series, from 0."""
        ...

    def geometry(self, number: int) -> dict[int, str]:
        """Values of fixed length that differ from instance to instance: tag -> value."""
        ...


@dataclass(frozen=True)
class Study:
    """A study to be sent: known by its identifiers, its instances made as they are asked for."""

    profile: Profile = field(repr=False)
    run: str
    number: int
    instance_count: int
    performed: datetime

    @property
    def uid(self) -> str:
        """Study instance UID."""
        return derive(self.run, self.number)

    @property
    def accession_number(self) -> str:
        """Unique to the run's study; 16 characters."""
        return f"VT{hashlib.sha256(self.run.encode()).hexdigest()[:8].upper()}{self.number:06d}"

    @property
    def patient_id(self) -> str:
        """Marked as a test's; one patient a study."""
        return f"{PATIENT_ID_PREFIX}{self.accession_number[2:10]}-{self.number:06d}"

    def series_uid(self, series: int) -> str:
        """Series instance UID of the series with this number, from 0."""
        return derive(self.run, self.number, series)

    def series_sizes(self) -> list[int]:
        """Instances of each series that has any."""
        whole, rest = divmod(self.instance_count, self.profile.series)
        return [size for size in (whole + (series < rest) for series in range(self.profile.series)) if size]

    def instances(self) -> Iterator[Instance]:
        """The instances in the order in which a modality sends them."""
        for series, size in enumerate(self.series_sizes()):
            head = self._head(series)
            for number in range(size):
                yield self._instance(head, series, number)

    def bytes_estimate(self) -> int:
        """What all instances are together, from the first one of them, in bytes."""
        return next(self.instances()).size * self.instance_count

    def _head(self, series: int) -> Head:
        data_set, day, clock = self.profile.data_set(), f"{self.performed:%Y%m%d}", f"{self.performed:%H%M%S}"
        data_set.SpecificCharacterSet = "ISO_IR 100"
        data_set.StudyDate = data_set.SeriesDate = data_set.ContentDate = data_set.AcquisitionDate = day
        data_set.StudyTime = data_set.SeriesTime = data_set.ContentTime = data_set.AcquisitionTime = clock
        data_set.AccessionNumber = self.accession_number
        data_set.InstitutionName = "VNAOPS TEST"
        data_set.StationName = "VNAOPS"
        data_set.ReferringPhysicianName = ""
        data_set.StudyDescription = "Synthetic test study"
        data_set.SeriesDescription = f"Synthetic {self.profile.name} {series + 1}"
        data_set.PatientName = f"{PATIENT_NAME_PREFIX}^{self.number:06d}"
        data_set.PatientID = self.patient_id
        data_set.PatientBirthDate = "19700101"
        data_set.PatientSex = "O"
        data_set.QualityControlSubject = "YES"
        data_set.StudyInstanceUID = self.uid
        data_set.SeriesInstanceUID = self.series_uid(series)
        data_set.SOPInstanceUID = derive(self.run, self.number, series, 0)
        data_set.StudyID = f"{self.number}"
        data_set.SeriesNumber = series + 1
        data_set.InstanceNumber = "0000"
        if "FrameOfReferenceUID" in data_set:
            data_set.FrameOfReferenceUID = derive(self.run, self.number, "frame of reference")
        return Head(data_set, (SOP_INSTANCE_UID, INSTANCE_NUMBER, *self.profile.geometry(0)))

    def _instance(self, head: Head, series: int, number: int) -> Instance:
        uid = derive(self.run, self.number, series, number)
        values = {SOP_INSTANCE_UID: uid, INSTANCE_NUMBER: f"{number + 1:04d}", **self.profile.geometry(number)}
        patched, pixels = head.patch(values), self.profile.pixels(number)
        sent, hashed = pixels.tail(hashlib.sha256(uid.encode()).digest())
        digest = pixels.hashed.copy()
        digest.update(hashed)
        return Instance(
            sop_class_uid=head.sop_class_uid,
            sop_instance_uid=uid,
            study_uid=self.uid,
            series_uid=self.series_uid(series),
            transfer_syntax=self.profile.transfer_syntax,
            buffers=(patched, pixels.body, sent),
            size=len(patched) + len(pixels.body) + len(sent),
            pixel_sha256=digest.hexdigest(),
        )


def new_run() -> str:
    """A name for a run, from its moment: the source of all its UIDs. Given again, it makes the same ones."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
