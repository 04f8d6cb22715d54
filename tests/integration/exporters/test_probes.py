"""Probes of real archives and SCPs: what they come to."""

import asyncio
from collections.abc import Iterator

import pytest
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from exporters.dicom_exporter.config import Config
from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.runner import Runner
from exporters.dicom_exporter.target import Target
from tests.peers.dcmtk import StoreScp, storescp
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.pynetdicom_scp import pynetdicom_scp

CONFIG = Config.model_validate(
    {
        "targets": ["127.0.0.1:*"],
        "modules": {name: {"prober": name, "called_ae_title": "PYNETDICOM"} for name in ("echo", "store")},
    }
)


def probe(port: int, module: str, seconds: float = 20.0, host: str = "127.0.0.1") -> Probe:
    """One probe in an event loop of its own."""

    async def run() -> Probe:
        return await Runner(CONFIG).probe(Target(host, port), module, seconds)

    return asyncio.run(run())


def reason(done: Probe) -> object:
    """Why it failed, from its log."""
    return done.log[-1][2].get("reason")


def sample(done: Probe, line: str) -> bool:
    """Whether the exposition has the line."""
    return line in done.exposition().decode().splitlines()


@pytest.fixture(scope="module")
def dcmtk_scp() -> Iterator[StoreScp]:
    with storescp() as server:
        yield server


@pytest.fixture(scope="module")
def archive() -> Iterator[Orthanc]:
    with orthanc() as server:
        yield server


def test_an_echo_of_dcmtk_succeeds_with_a_time_for_each_phase(dcmtk_scp: StoreScp) -> None:
    done = probe(dcmtk_scp.port, "echo")

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert list(done.phases) == ["resolve", "connect", "associate", "request", "release"]
    assert all(seconds > 0 for seconds in done.phases.values())
    assert sum(done.phases.values()) <= done.duration
    for line in (
        "dicom_probe_success 1.0",
        'dicom_probe_result{result="accepted"} 1.0',
        'dicom_probe_status_class{class="success"} 1.0',
        "dicom_probe_negotiated_pdu_bytes 16384.0",
    ):
        assert sample(done, line), line


def test_an_echo_of_orthanc_succeeds(archive: Orthanc) -> None:
    assert probe(archive.dicom_port, "echo").outcome is Outcome.ACCEPTED


def test_each_store_makes_a_new_instance_of_the_days_study_marked_as_a_test(dcmtk_scp: StoreScp) -> None:
    before = set(dcmtk_scp.files())
    for _ in range(2):
        done = probe(dcmtk_scp.port, "store")
        assert done.outcome is Outcome.ACCEPTED, done.log

    assert list(done.phases) == ["resolve", "connect", "associate", "transfer", "request", "release"]
    assert all(seconds > 0 for seconds in done.phases.values())
    first, second = (dcmread(file) for file in set(dcmtk_scp.files()) - before)
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert first.PixelData != second.PixelData
    for one in (first, second):
        assert one.SOPInstanceUID.is_valid
        assert one.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert (one.PatientID, one.PatientName, one.QualityControlSubject) == ("VNAOPS-PROBE", "VNAOPS^PROBE", "YES")
        assert len(one.PixelData) == one.Rows * one.Columns == 128 * 128
    if first.StudyDate == second.StudyDate:  # unless midnight lies between them
        assert first.SeriesInstanceUID == second.SeriesInstanceUID


def test_orthanc_has_what_was_stored(archive: Orthanc) -> None:
    assert probe(archive.dicom_port, "store").outcome is Outcome.ACCEPTED

    (instance,) = archive.get("/instances?expand")
    assert instance["MainDicomTags"]["SOPInstanceUID"].startswith("2.25.")


def test_an_instance_is_stored_in_implicit_vr_where_that_is_all_the_peer_takes() -> None:
    with storescp(["+xi"]) as server:
        assert probe(server.port, "store").outcome is Outcome.ACCEPTED
        (stored,) = map(dcmread, server.files())

    assert stored.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert stored.PatientID == "VNAOPS-PROBE"


def test_a_peer_with_tiny_pdus_is_sent_tiny_fragments() -> None:
    with storescp(["-pdu", "4096"]) as server:
        done = probe(server.port, "store")

    assert done.outcome is Outcome.ACCEPTED
    assert done.negotiated_pdu_length == 4096


def test_a_foreign_called_ae_title_is_a_permanent_rejection_in_the_standards_words() -> None:
    with pynetdicom_scp(ae_title="SOMEBODY", require_called_ae_title=True) as server:
        done = probe(server.port, "echo")

    assert done.outcome is Outcome.REJECTED_PERMANENT
    assert reason(done) == "rejected-permanent by service-user: called-AE-title-not-recognized"
    assert sample(done, "dicom_probe_success 0.0")
    assert sample(done, 'dicom_probe_result{result="rejected-permanent"} 1.0')
    assert sample(done, 'dicom_probe_rejection{reason="called-AE-title-not-recognized",source="service-user"} 1.0')
    assert sample(done, 'dicom_probe_rejection{reason="calling-AE-title-not-recognized",source="service-user"} 0.0')


def test_a_foreign_calling_ae_title_is_a_permanent_rejection() -> None:
    with pynetdicom_scp(require_calling_ae_titles=["FRIEND"]) as server:
        done = probe(server.port, "echo")

    assert reason(done) == "rejected-permanent by service-user: calling-AE-title-not-recognized"


def test_a_peer_without_room_is_a_transient_rejection() -> None:
    with pynetdicom_scp(maximum_associations=1) as server:
        guest = AE("GUEST")
        guest.add_requested_context(Verification)
        seat = guest.associate("127.0.0.1", server.port)
        assert seat.is_established
        done = probe(server.port, "echo")
        seat.release()

    assert done.outcome is Outcome.REJECTED_TRANSIENT
    assert reason(done) == "rejected-transient by service-provider-presentation: local-limit-exceeded"


def test_a_peer_without_the_sop_class_has_not_accepted_the_context() -> None:
    with pynetdicom_scp(sop_classes=[Verification]) as server:
        done = probe(server.port, "store")

    assert done.outcome is Outcome.CONTEXT_NOT_ACCEPTED
    assert sample(done, "dicom_probe_negotiated_pdu_bytes 16382.0")


def test_dcmtk_refusing_is_a_rejection() -> None:
    with storescp(["--refuse"]) as server:
        assert probe(server.port, "store").outcome is Outcome.REJECTED_PERMANENT


@pytest.mark.parametrize("option", ["--abort-after", "--abort-during"])
def test_dcmtk_aborting_at_a_store_is_an_abort_by_the_user(option: str) -> None:
    with storescp([option]) as server:
        assert probe(server.port, "store").outcome is Outcome.ABORTED_BY_USER


def test_pynetdicom_aborting_at_an_echo_is_an_abort() -> None:
    def abort(event: evt.Event) -> int:
        event.assoc.abort()
        return 0

    with pynetdicom_scp(handlers={evt.EVT_C_ECHO: abort}) as server:
        assert probe(server.port, "echo").outcome is Outcome.ABORTED_BY_USER


@pytest.mark.parametrize(
    ("status", "outcome", "status_class"),
    [(0xA700, Outcome.FAILURE_STATUS, "failure"), (0xB000, Outcome.ACCEPTED, "warning")],
)
def test_a_store_comes_to_what_its_status_says(status: int, outcome: Outcome, status_class: str) -> None:
    with pynetdicom_scp(handlers={evt.EVT_C_STORE: lambda _: status}) as server:
        done = probe(server.port, "store")

    assert done.outcome is outcome
    assert sample(done, f"dicom_probe_status {float(status)}")
    assert sample(done, f'dicom_probe_status_class{{class="{status_class}"}} 1.0')
    assert done.phases["release"] > 0 or outcome is Outcome.FAILURE_STATUS
