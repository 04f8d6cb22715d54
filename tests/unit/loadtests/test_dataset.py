"""Fingerprints of encoded data sets, against what pydicom reads."""

import hashlib
import resource
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_fragments
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from loadtests import dataset


def pydicoms_own(name: str) -> bytes:
    path = get_testdata_file(name, download=False)
    assert path is not None
    return Path(path).read_bytes()


@pytest.mark.parametrize(
    "name",
    [
        "CT_small.dcm",
        "MR_small.dcm",
        "MR_small_implicit.dcm",
        "SC_rgb_jpeg_dcmd.dcm",
        "MR_small_padded.dcm",
        "rtdose.dcm",
    ],
)
def test_uid_and_hash_are_those_that_pydicom_reads(name: str) -> None:
    file = pydicoms_own(name)
    read = dcmread(BytesIO(file))

    syntax, data = dataset.split_file(file)
    found = dataset.fingerprint(data, implicit=syntax == dataset.IMPLICIT_VR_LITTLE_ENDIAN)

    assert syntax == read.file_meta.TransferSyntaxUID
    assert found.sop_instance_uid == read.SOPInstanceUID
    assert found.pixel_sha256 == hashlib.sha256(read.PixelData).hexdigest()


def test_the_hash_of_encapsulated_pixel_data_is_that_of_its_fragments() -> None:
    file = pydicoms_own("SC_rgb_rle_2frame.dcm")
    pieces = b"".join(list(generate_fragments(dcmread(BytesIO(file)).PixelData))[1:])  # without the offset table

    found = dataset.fingerprint(dataset.split_file(file)[1])

    assert found.pixel_sha256 == hashlib.sha256(pieces).hexdigest()


def test_a_changed_byte_of_the_pixel_data_changes_the_hash() -> None:
    file = bytearray(pydicoms_own("CT_small.dcm"))
    before = dataset.fingerprint(dataset.split_file(file)[1])
    file[-2000] ^= 1  # within the pixel data: trailing padding is shorter

    assert dataset.fingerprint(dataset.split_file(file)[1]).pixel_sha256 != before.pixel_sha256


def test_a_data_set_that_ends_early_is_refused() -> None:
    data = dataset.split_file(pydicoms_own("CT_small.dcm"))[1]

    with pytest.raises(dataset.DataSetError, match="announces"):
        dataset.fingerprint(data[:-1000])


def encoded(data_set: Dataset, *, implicit: bool = False) -> bytes:
    target = DicomBytesIO()
    target.is_little_endian, target.is_implicit_VR = True, implicit
    write_dataset(target, data_set)
    return target.getvalue()


def report(text: str = "normal", *, undefined: bool = False) -> Dataset:
    """A structured report of two levels."""
    concept, inner, outer, whole = Dataset(), Dataset(), Dataset(), Dataset()
    concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = "121071", "DCM", "Finding"
    inner.RelationshipType, inner.ValueType, inner.TextValue = "CONTAINS", "TEXT", text
    inner.ConceptNameCodeSequence = [concept]
    outer.ValueType = "CONTAINER"
    outer.ContentSequence = [inner]
    whole.SOPInstanceUID, whole.Modality = "1.2.3", "SR"
    whole.ContentSequence = [outer, inner]
    if undefined:
        for data_set in (inner, outer, whole):
            for element in data_set:
                if element.VR == "SQ":
                    element.is_undefined_length = True
                    for item in element.value:
                        item.is_undefined_length_sequence_item = True
    return whole


def document(content: bytes = b"%PDF-1.7 ") -> Dataset:
    whole = Dataset()
    whole.SOPInstanceUID = "1.2.3"
    whole.EncapsulatedDocument, whole.MIMETypeOfEncapsulatedDocument = content, "application/pdf"
    return whole


def test_the_hash_of_a_document_is_that_of_its_bytes() -> None:
    found = dataset.fingerprint(encoded(document()))

    assert found.pixel_sha256 == hashlib.sha256(b"%PDF-1.7 \0").hexdigest()


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_the_hash_of_real_numbers_as_pixels_is_that_of_their_bytes(keyword: str, kind: str) -> None:
    pixels, whole = np.arange(6).astype(kind).tobytes(), Dataset()
    whole.SOPInstanceUID = "1.2.3"
    setattr(whole, keyword, pixels)

    assert dataset.fingerprint(encoded(whole)).pixel_sha256 == hashlib.sha256(pixels).hexdigest()


def test_a_report_is_recognised_however_its_lengths_are_written() -> None:
    made = {
        dataset.fingerprint(encoded(report(undefined=undefined), implicit=implicit), implicit=implicit)
        for undefined in (False, True)
        for implicit in (False, True)
    }

    assert len(made) == 1


def test_a_report_that_says_something_else_has_another_hash() -> None:
    moved = report()
    moved.ContentSequence = [*moved.ContentSequence[0].ContentSequence, moved.ContentSequence[0]]
    deeper = report()
    deeper.ContentSequence[0].ContentSequence[0].ContentSequence = [Dataset()]

    made = [dataset.fingerprint(encoded(one)) for one in (report(), report("norma1"), moved, deeper)]

    assert len({one.pixel_sha256 for one in made}) == 4


def test_a_document_inside_a_sequence_is_not_the_data_sets_own() -> None:
    item, whole = document(), document(b"outer")
    item.SOPInstanceUID = "9.9"
    whole.ReferencedSeriesSequence = [item]

    found = dataset.fingerprint(encoded(whole))

    assert found == dataset.fingerprint(encoded(document(b"outer")))


PIECES = {
    "native": dataset.split_file(pydicoms_own("MR_small.dcm"))[1],
    "encapsulated": dataset.split_file(pydicoms_own("SC_rgb_rle_2frame.dcm"))[1],
    "document": encoded(document()),
    "report": encoded(report()),
    "report of undefined lengths": encoded(report(undefined=True)),
}


@pytest.mark.parametrize("name", PIECES)
@given(cuts=st.lists(st.floats(0, 1), max_size=40))
def test_pieces_of_any_size_give_the_same_fingerprint(name: str, cuts: list[float]) -> None:
    data = PIECES[name]
    places = [0, *sorted(int(cut * len(data)) for cut in cuts), len(data)]
    printer = dataset.Fingerprinter()

    for start, end in pairwise(places):
        printer.feed(data[start:end])

    assert printer.finish() == dataset.fingerprint(data)


@pytest.mark.parametrize("size", [1, 7, 143, 200])
def test_a_file_is_read_in_pieces_too(size: int) -> None:
    file = pydicoms_own("MR_small_implicit.dcm")
    printer = dataset.FileFingerprinter()

    for at in range(0, len(file), size):
        printer.feed(file[at : at + size])

    syntax, data = dataset.split_file(file)
    assert printer.transfer_syntax == syntax == dataset.IMPLICIT_VR_LITTLE_ENDIAN
    assert printer.finish() == dataset.fingerprint(data, implicit=True)


def test_an_instance_of_more_than_two_gigabytes_needs_no_memory() -> None:
    head, megabyte = encoded(document(b"")), memoryview(bytes(1 << 20))
    printer = dataset.Fingerprinter()
    printer.feed(head[: head.index(b"OB\0\0") + 4] + (2100 << 20).to_bytes(4, "little"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    for _ in range(2100):
        printer.feed(megabyte)

    assert printer.finish().sop_instance_uid == "1.2.3"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 1024


@pytest.mark.parametrize("name", PIECES)
def test_wherever_a_data_set_is_cut_it_is_refused(name: str) -> None:
    data = PIECES[name]
    whole = {element.start + (element.length or 0) for element in dataset.elements(data)}  # it may end behind any
    for end in {*range(0, min(len(data), 400)), *range(max(0, len(data) - 200), len(data))} - whole:
        with pytest.raises(dataset.DataSetError):
            dataset.fingerprint(data[:end])


def test_a_data_set_without_pixel_data_is_refused() -> None:
    with pytest.raises(dataset.DataSetError, match="no pixel data"):
        dataset.fingerprint(dataset.split_file(pydicoms_own("rtplan.dcm"))[1], implicit=True)


@given(st.binary(max_size=300), st.booleans())
def test_garbage_raises_nothing_but_the_modules_own_error(data: bytes, implicit: bool) -> None:
    for call in (
        lambda: dataset.fingerprint(data, implicit=implicit),
        lambda: dataset.split_file(data),
        lambda: dataset.FileFingerprinter().feed(data) or dataset.FileFingerprinter().finish(),
    ):
        with pytest.raises(dataset.DataSetError):
            call()


def test_endless_nesting_is_refused() -> None:
    sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff"
    nested = sequence + (b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + sequence) * 100

    for read in (lambda: list(dataset.elements(nested)), lambda: dataset.fingerprint(nested)):
        with pytest.raises(dataset.DataSetError, match="nested deeper"):
            read()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xfe\xff\x00\xe0\0\0\0\0", "outside of any sequence"),
        (b"\x08\x00\x18\0UI\x42\0" + bytes(66), "64 characters"),
        (b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff", "fragment belongs"),
        (b"\x40\x00\x30\xa7SQ\0\0\x08\0\0\0\xfe\xff\x00\xe0\x08\0\0\0", "passes the end"),
        (b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\x08\0\x16\0UI\0\0", "fragment belongs"),
    ],
)
def test_what_stands_where_it_does_not_belong_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(dataset.DataSetError, match=why):
        dataset.fingerprint(data)
