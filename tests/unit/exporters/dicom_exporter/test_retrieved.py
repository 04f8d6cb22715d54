"""What comes back is read and compared; what a peer has written is not repeated."""

from dataclasses import replace

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from exporters.dicom_exporter import instance, retrieved
from exporters.dicom_exporter.modules import StowModule
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dimse import uids

SENT = instance.make_instance(
    StowModule(prober="stow-rs", rows=4, columns=4), "archive:104", uids.EXPLICIT_VR_LITTLE_ENDIAN
)


def compared(data_set: bytes, transfer_syntax: str = uids.EXPLICIT_VR_LITTLE_ENDIAN) -> None:
    probe = Probe((), structlog.get_logger())
    retrieved.compare(retrieved.read(data_set, transfer_syntax), SENT, probe)


def test_what_was_sent_is_the_same_as_a_data_set_and_as_a_file() -> None:
    compared(SENT.data_set)
    retrieved.compare(retrieved.read_file(instance.file_of(SENT)), SENT, Probe((), structlog.get_logger()))


@pytest.mark.parametrize(
    ("transfer_syntax", "said"),
    [
        ("1.2.840.10008.1.2.4.50", "the data set came in a transfer syntax 1.2.840.10008.1.2.4.50"),
        ("DOE^JOHN", "the data set came in a transfer syntax whose UID has no valid form"),
    ],
)
def test_a_transfer_syntax_that_cannot_be_read_is_named_only_if_it_is_one(transfer_syntax: str, said: str) -> None:
    with pytest.raises(ProbeError) as raised:
        compared(SENT.data_set, transfer_syntax)

    assert str(raised.value) == said


def test_an_instance_without_pixel_data_is_not_what_was_sent() -> None:
    without = SENT.data_set[: SENT.data_set.index(b"\xe0\x7f\x10\x00OW")]

    with pytest.raises(ProbeError, match="the pixel data that came back has SHA-256 e3b0c44298fc1c14…"):
        compared(without)


@given(st.integers(0, len(SENT.data_set) - 1), st.binary(min_size=1, max_size=8))
def test_foreign_bytes_are_a_failure_with_its_class_and_never_a_crash(at: int, foreign: bytes) -> None:
    altered = SENT.data_set[:at] + foreign + SENT.data_set[at + len(foreign) :]
    outcome = Outcome.ACCEPTED
    try:
        compared(altered)
    except ProbeError as error:
        outcome = error.outcome

    assert outcome in (Outcome.ACCEPTED, Outcome.UNEXPECTED_CONTENT)


def test_what_is_wrong_with_foreign_bytes_is_not_told_with_their_values(caplog: pytest.LogCaptureFixture) -> None:
    altered = SENT.data_set.replace(SENT.sop_instance_uid.encode()[:8], b"DOE^JOHN")

    with pytest.raises(ProbeError) as raised:
        compared(altered)

    assert "DOE" not in str(raised.value) + caplog.text


def test_an_instance_is_not_confused_with_another_of_the_same_pixels() -> None:
    other = replace(SENT, sop_instance_uid="1.2.3")

    with pytest.raises(ProbeError, match="another instance"):
        retrieved.compare(retrieved.read(SENT.data_set, SENT.transfer_syntax), other, Probe((), structlog.get_logger()))
