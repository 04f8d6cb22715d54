"""The instance that a probe stores: a secondary capture image of an invented patient (PS3.3 section A.8.1)."""

import hashlib
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.uid import UID

from exporters.dicom_exporter.modules import Imaging
from exporters.dimse import uids


@dataclass(frozen=True)
class Instance:
    """One instance, its data set encoded in the transfer syntax."""

    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    transfer_syntax: str
    data_set: bytes = field(repr=False)
    pixel_hash: str
    """SHA-256 of the value of Pixel Data, hexadecimal."""


def make_instance(module: Imaging, target: str, transfer_syntax: str) -> Instance:
    """A new instance. All probes of a target on one day (UTC) share a study and a series."""
    now = datetime.now(UTC)
    sop_instance_uid = uids.new_uid()
    day = f"{now:%Y%m%d} {module.patient.id} {target}"
    dataset = Dataset()
    dataset.SOPClassUID = uids.SECONDARY_CAPTURE_IMAGE_STORAGE
    dataset.SOPInstanceUID = sop_instance_uid
    dataset.StudyDate = dataset.ContentDate = f"{now:%Y%m%d}"
    dataset.StudyTime = "000000"
    dataset.ContentTime = f"{now:%H%M%S.%f}"
    dataset.AccessionNumber = ""
    dataset.Modality = "OT"
    dataset.ConversionType = "SYN"
    dataset.Manufacturer = "vnaops"
    dataset.ReferringPhysicianName = ""
    dataset.StudyDescription = dataset.SeriesDescription = "vnaops probe"
    dataset.PatientName = module.patient.name
    dataset.PatientID = module.patient.id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = "O"
    dataset.QualityControlSubject = "YES"
    dataset.StudyInstanceUID = _uid_of(f"study {day}")
    dataset.SeriesInstanceUID = _uid_of(f"series {day}")
    dataset.StudyID = f"{now:%Y%m%d}"
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = (now.hour * 60 + now.minute) * 60 + now.second
    dataset.PatientOrientation = None
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = module.rows, module.columns
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    size = module.rows * module.columns
    pixels = _pixels(sop_instance_uid, size + size % 2)
    dataset.add_new(0x7FE00010, "OW", pixels)
    return Instance(
        sop_instance_uid,
        dataset.SeriesInstanceUID,
        dataset.StudyInstanceUID,
        transfer_syntax,
        encode(dataset, transfer_syntax),
        hashlib.sha256(pixels).hexdigest(),
    )


def file_of(instance: Instance) -> bytes:
    """As a DICOM file (PS3.10 section 7.1)."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = UID(uids.SECONDARY_CAPTURE_IMAGE_STORAGE)
    meta.MediaStorageSOPInstanceUID = UID(instance.sop_instance_uid)
    meta.TransferSyntaxUID = UID(instance.transfer_syntax)
    meta.ImplementationClassUID = UID(uids.IMPLEMENTATION_CLASS)
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta)
    encoded: bytes = buffer.getvalue()
    return bytes(128) + b"DICM" + encoded + instance.data_set


def encode(dataset: Dataset, transfer_syntax: str) -> bytes:
    """A data set in one of the two uncompressed little endian transfer syntaxes."""
    buffer = DicomBytesIO()
    buffer.is_little_endian = True
    buffer.is_implicit_VR = transfer_syntax == uids.IMPLICIT_VR_LITTLE_ENDIAN
    write_dataset(buffer, dataset)
    encoded: bytes = buffer.getvalue()
    return encoded


def _uid_of(name: str) -> str:
    """The same UID for the same name (PS3.5 annex B.2: any UUID will do, name-based ones too)."""
    return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"


def _pixels(seed: str, size: int) -> bytes:
    """A gradient that differs from instance to instance, so that no store can take two for one."""
    start = uuid.uuid5(uuid.NAMESPACE_OID, seed).bytes
    ramp = bytes(range(256)) * (size // 256 + 1)
    return (start + ramp)[:size]
