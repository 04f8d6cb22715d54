"""Structured reports: the radiation dose of CT examinations (PS3.16 TID 10011) and findings (TID 2000), in turn."""

from collections.abc import Hashable

import numpy as np
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import EnhancedSRStorage, ExplicitVRLittleEndian, XRayRadiationDoseSRStorage

from loadtests.dataset import Fingerprinter
from loadtests.profiles.distributions import share
from loadtests.profiles.modules import make
from loadtests.profiles.pixels import Pixels, Tail
from loadtests.profiles.report_content import DISTINCT, NONCE_CHARACTERS, dose, findings


class ContentPixels:
    """An encoded content sequence whose last value, the text of its last item, is the nonce."""

    def __init__(self, root: Dataset) -> None:
        target = DicomBytesIO()
        target.is_little_endian, target.is_implicit_VR = True, False
        write_dataset(target, make(ContentSequence=root.ContentSequence))
        self.body = (target.getvalue()[:-NONCE_CHARACTERS],)
        self.body_size = len(self.body[0])
        printer = Fingerprinter()
        printer.feed(self.body[0])
        self.hashed, self._ends = printer.unfinished()

    def tail(self, nonce: bytes) -> Tail:
        """The text; behind it only sequences end."""
        text = nonce.hex().encode()
        return Tail((text,), (text, self._ends))


class StructuredReport:
    """One series of reports: an examination's dose, then its findings."""

    name = "sr"
    transfer_syntax = str(ExplicitVRLittleEndian)
    source = "own estimate: dose reports of 2 to 16 irradiations take 9 to 60 KB, findings 4 to 15 KB"

    def __init__(self, seed: int) -> None:
        self._roots = [root for at in range(DISTINCT) for root in (dose(seed, at), findings(seed, at))]
        self._made = [ContentPixels(root) for root in self._roots]

    def structure(self, random: np.random.Generator, instances: int | None) -> list[int]:
        """Both reports of an examination, seldom of two."""
        return share(instances or int(random.choice((2, 4), p=(0.9, 0.1))), 1)

    def kind(self, series: int, number: int) -> Hashable:  # noqa: ARG002  (the signature of all profiles)
        """Each of the distinct reports has a title of its own."""
        return number % len(self._roots)

    def data_set(self, series: int, number: int) -> Dataset:  # noqa: ARG002  (the signature of all profiles)
        """SR document general and content modules (PS3.3 section C.17) up to the content."""
        root = self._roots[number % len(self._roots)]
        return make(
            SOPClassUID=EnhancedSRStorage if number % 2 else XRayRadiationDoseSRStorage,
            Modality="SR",
            Manufacturer="VNAOPS",
            ManufacturerModelName="Synthetic",
            DeviceSerialNumber="0",
            SoftwareVersions="1",
            ContentDate="",
            ReferencedPerformedProcedureStepSequence=[],
            PerformedProcedureCodeSequence=[],
            CompletionFlag="COMPLETE",
            VerificationFlag="UNVERIFIED",
            **{element.keyword: element.value for element in root if element.keyword != "ContentSequence"},
        )

    def pixels(self, series: int, number: int) -> Pixels:  # noqa: ARG002  (the signature of all profiles)
        """One of the distinct reports, in turn."""
        return self._made[number % len(self._made)]

    def geometry(self, series: int, number: int) -> dict[int, str]:  # noqa: ARG002  (the signature of all profiles)
        """Nothing but the instance number differs."""
        return {}
