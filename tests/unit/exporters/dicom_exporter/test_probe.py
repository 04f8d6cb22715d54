"""A probe's record as metrics, and the instance that a store probe sends."""

import hashlib

import pytest
import structlog

from exporters.dicom_exporter import retrieved
from exporters.dicom_exporter.instance import make_instance
from exporters.dicom_exporter.modules import StoreModule
from exporters.dicom_exporter.outcome import Outcome, ProbeError, aborted, of_os_error, rejected
from exporters.dicom_exporter.probe import Probe
from exporters.dimse import uids
from exporters.dimse.pdu import Abort, AssociateReject


def failed(error: ProbeError) -> list[str]:
    probe = Probe(["associate"], structlog.get_logger())
    probe.end(error)
    return probe.exposition().decode().splitlines()


@pytest.mark.parametrize(
    ("pdu", "labels"),
    [
        (AssociateReject(1, 1, 3), 'reason="calling-AE-title-not-recognized",source="service-user"'),
        (AssociateReject(1, 2, 2), 'reason="protocol-version-not-supported",source="service-provider-acse"'),
        (AssociateReject(2, 3, 1), 'reason="temporary-congestion",source="service-provider-presentation"'),
        (AssociateReject(1, 1, 10), 'reason="reserved",source="reserved"'),
        (AssociateReject(1, 77, 88), 'reason="reserved",source="reserved"'),
    ],
)
def test_exactly_one_rejection_is_set(pdu: AssociateReject, labels: str) -> None:
    lines = [line for line in failed(rejected(pdu)) if line.startswith("dicom_probe_rejection{")]

    assert [line for line in lines if line.endswith(" 1.0")] == [f"dicom_probe_rejection{{{labels}}} 1.0"]
    assert len(lines) == 9


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (rejected(AssociateReject(1, 1, 1)), Outcome.REJECTED_PERMANENT),
        (rejected(AssociateReject(2, 3, 1)), Outcome.REJECTED_TRANSIENT),
        (rejected(AssociateReject(9, 1, 1)), Outcome.REJECTED_PERMANENT),
        (aborted(Abort(0, 0)), Outcome.ABORTED_BY_USER),
        (aborted(Abort(2, 1)), Outcome.ABORTED_BY_PROVIDER),
        (aborted(Abort(1, 1)), Outcome.ABORTED_BY_USER),
    ],
)
def test_a_refusal_has_its_class(error: ProbeError, outcome: Outcome) -> None:
    assert error.outcome is outcome
    assert f'dicom_probe_result{{result="{outcome}"}} 1.0' in failed(error)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ConnectionRefusedError(), Outcome.REFUSED),
        (ConnectionResetError(), Outcome.RESET),
        (BrokenPipeError(), Outcome.RESET),
        (TimeoutError(), Outcome.TIMED_OUT),
        (OSError(113, "No route to host"), Outcome.UNREACHABLE),
    ],
)
def test_an_error_of_the_socket_has_its_class(error: OSError, outcome: Outcome) -> None:
    assert of_os_error(error) is outcome


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 5), (128, 128)])
@pytest.mark.parametrize("syntax", [uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN])
def test_an_instance_is_valid_of_even_length_and_marked_as_a_test(rows: int, columns: int, syntax: str) -> None:
    module = StoreModule(prober="store", called_ae_title="A", rows=rows, columns=columns)

    instance = make_instance(module, "archive:104", syntax)

    assert len(instance.data_set) % 2 == 0
    dataset = retrieved.read(instance.data_set, syntax)
    assert dataset.SOPInstanceUID == instance.sop_instance_uid
    assert (dataset.PatientID, dataset.QualityControlSubject) == ("VNAOPS-PROBE", "YES")
    assert len(dataset.PixelData) == rows * columns + rows * columns % 2
    assert hashlib.sha256(dataset.PixelData).hexdigest() == instance.pixel_hash
    assert dataset.StudyInstanceUID == instance.study_instance_uid
    assert dataset.SeriesInstanceUID == instance.series_instance_uid
    for uid in (instance.sop_instance_uid, instance.study_instance_uid, instance.series_instance_uid):
        assert uids.is_valid(uid)


def test_targets_have_studies_of_their_own_and_instances_are_always_new() -> None:
    module = StoreModule(prober="store", called_ae_title="A", rows=1, columns=1)

    one, same, other = (
        make_instance(module, target, uids.IMPLICIT_VR_LITTLE_ENDIAN) for target in ("a:1", "a:1", "b:1")
    )

    assert one.study_instance_uid != other.study_instance_uid
    assert one.sop_instance_uid != same.sop_instance_uid
