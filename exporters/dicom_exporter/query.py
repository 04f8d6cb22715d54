"""The identifiers of queries and retrievals (PS3.4 sections C.2.2, C.4, K.4)."""

from collections.abc import Iterable, Mapping

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from exporters.dicom_exporter.instance import encode

_UNIQUE_KEYS = {
    "patient": "PatientID",
    "study": "StudyInstanceUID",
    "series": "SeriesInstanceUID",
    "image": "SOPInstanceUID",
    "worklist": "PatientID",
}

Values = Mapping[str, "str | Mapping[str, str]"]


def identifier(level: str, match: Values, transfer_syntax: str, return_keys: Iterable[str] = ()) -> bytes:
    """Encoded: what to match, and empty what to return besides, the level's unique key always among it."""
    dataset = _dataset(match)
    for keyword in (_UNIQUE_KEYS[level], *return_keys):
        if keyword not in dataset:
            dataset.add(_element(keyword, [] if dictionary_VR(_tag(keyword)) == "SQ" else None))
    if level != "worklist":
        dataset.add(_element("QueryRetrieveLevel", level.upper()))
    return encode(dataset, transfer_syntax)


def _dataset(values: Values) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        dataset.add(_element(keyword, value if isinstance(value, str) else [_dataset(value)]))
    return dataset


def _element(keyword: str, value: object) -> DataElement:
    """Without pydicom's check of the value: wildcards and ranges are none of an attribute's own values."""
    tag = _tag(keyword)
    return DataElement(tag, dictionary_VR(tag), value, validation_mode=IGNORE)


def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise ValueError(f"{keyword} is no attribute")
    return int(tag)
