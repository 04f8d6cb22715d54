"""Data sets by module (PS3.3 annex C), for the profiles that have no template."""

from typing import Any

from pydicom.dataset import Dataset


def make(**values: Any) -> Dataset:
    """A data set of these elements, named by their keywords."""
    data_set = Dataset()
    for keyword, value in values.items():
        setattr(data_set, keyword, value)
    return data_set


def coded(value: str, scheme: str, meaning: str, **further: Any) -> list[Dataset]:
    """A code sequence of one item (PS3.3 section 8.8)."""
    return [make(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning, **further)]


def general(sop_class_uid: str, modality: str, **further: Any) -> dict[str, Any]:
    """SOP common, general series, equipment and acquisition; the study fills in the dates."""
    return {
        "SOPClassUID": sop_class_uid,
        "Modality": modality,
        "Manufacturer": "VNAOPS",
        "ManufacturerModelName": "Synthetic",
        "DeviceSerialNumber": "0",
        "SoftwareVersions": "1",
        "ContentDate": "",
        "AcquisitionDate": "",
        **further,
    }


def grey(rows: int, columns: int, bits: int, photometric: str = "MONOCHROME2", allocated: int = 16) -> dict[str, Any]:
    """Image pixel module (PS3.3 section C.7.6.3) of unsigned grey values."""
    return {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": photometric,
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": allocated,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
    }
