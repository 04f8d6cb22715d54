"""Identifiers of queries, with pydicom as the second opinion."""

from hypothesis import given
from hypothesis import strategies as st
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset

from loadtests.users import identifier

UIDS = st.from_regex(r"[1-9][0-9]{0,10}(\.[1-9][0-9]{0,10}){1,3}", fullmatch=True)
WORDS = st.from_regex(r"[A-Z0-9]{1,16}", fullmatch=True)


@given(UIDS, WORDS, WORDS)
def test_pydicom_reads_what_was_encoded(uid: str, accession: str, patient: str) -> None:
    wanted = {identifier.STUDY_UID: uid, identifier.PATIENT_ID: patient, identifier.ACCESSION_NUMBER: accession}

    read = read_dataset(DicomBytesIO(identifier.encode("STUDY", wanted)), is_implicit_VR=True, is_little_endian=True)

    assert (read.QueryRetrieveLevel, read.StudyInstanceUID) == ("STUDY", uid)
    assert (read.PatientID, read.AccessionNumber) == (patient, accession)
    assert [element.tag for element in read] == sorted(element.tag for element in read)


@given(UIDS, WORDS)
def test_what_was_encoded_is_decoded(uid: str, patient: str) -> None:
    wanted = {identifier.STUDY_UID: uid, identifier.PATIENT_ID: patient}

    assert identifier.decode(identifier.encode("IMAGE", wanted)) == {
        identifier.QUERY_RETRIEVE_LEVEL: "IMAGE",
        **wanted,
    }


def test_what_is_not_ascii_is_no_failure() -> None:
    encoded = identifier.encode("STUDY", {identifier.PATIENT_ID: "XX"}).replace(b"XX", b"\xfc\xe4")

    assert identifier.decode(encoded)[identifier.PATIENT_ID] == "��"
