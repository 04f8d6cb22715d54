"""Finding elements in encoded data sets, against what pydicom reads."""

import hashlib
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import generate_fragments

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


def test_a_data_set_without_pixel_data_is_refused() -> None:
    with pytest.raises(dataset.DataSetError, match="no pixel data"):
        dataset.fingerprint(dataset.split_file(pydicoms_own("rtplan.dcm"))[1], implicit=True)


@given(st.binary(max_size=300), st.booleans())
def test_garbage_raises_nothing_but_the_modules_own_error(data: bytes, implicit: bool) -> None:
    for call in (lambda: dataset.fingerprint(data, implicit=implicit), lambda: dataset.split_file(data)):
        with pytest.raises(dataset.DataSetError):
            call()


def test_endless_nesting_is_refused() -> None:
    sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff"
    nested = sequence + (b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + sequence) * 100

    with pytest.raises(dataset.DataSetError, match="nested deeper"):
        list(dataset.elements(nested))
