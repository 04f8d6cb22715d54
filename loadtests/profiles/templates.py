"""The real files that pydicom ships inside its package, stripped of what belongs to a person, a place or a maker."""

from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset

_PERSON_AND_PLACE = (
    "AdditionalPatientHistory",
    "DeviceSerialNumber",
    "EthnicGroup",
    "ImageComments",
    "InstanceCreationDate",
    "InstanceCreationTime",
    "InstanceCreatorUID",
    "LargestImagePixelValue",  # of other pixels, as the next
    "Laterality",  # of a part of the body that has no sides
    "SmallestImagePixelValue",
    "NameOfPhysiciansReadingStudy",
    "OperatorsName",
    "OtherPatientIDs",  # retired
    "OtherPatientIDsSequence",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "PerformedProcedureStepDescription",
    "PerformedProcedureStepID",
    "PerformedProcedureStepStartDate",
    "PerformedProcedureStepStartTime",
    "TimezoneOffsetFromUTC",
    "DataSetTrailingPadding",
)


def template(name: str) -> Dataset:
    """One of pydicom's own files by name, without private elements, person and place; pixel data still in it.

    Raises:
        FileNotFoundError: this pydicom doesn't ship it.
    """
    # pydicom would else try to download what it doesn't find
    path = get_testdata_file(name, download=False)
    if path is None:
        raise FileNotFoundError(f"{name} is not among the files that pydicom ships")
    data_set = dcmread(path)
    data_set.remove_private_tags()
    for keyword in _PERSON_AND_PLACE:
        if keyword in data_set:
            delattr(data_set, keyword)
    data_set.Manufacturer = "VNAOPS"
    data_set.ManufacturerModelName = "Synthetic"
    return data_set
