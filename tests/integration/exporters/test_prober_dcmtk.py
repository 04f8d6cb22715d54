"""Queries, retrievals and the round trip with dcmtk's archive and worklist."""

from typing import Any

import pytest
from pydicom.dataset import Dataset

from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import Probe
from tests.integration.exporters.probing import RECEIVER, probed
from tests.peers.dcmtk_archive import AE_TITLE, dcmqrscp, wlmscpfs
from tests.peers.seaweedfs import free_ports

DCMTK: dict[str, Any] = {"called_ae_title": AE_TITLE}


@pytest.mark.parametrize("way", ["get", "move"])
def test_what_dcmtk_has_taken_is_found_and_comes_back_as_it_was(way: str) -> None:
    (receiver_port,) = free_ports(1)
    with dcmqrscp((RECEIVER["ae_title"], receiver_port)) as port:
        done = probed(port, DCMTK | {"prober": "round-trip", "retrieve": way}, receiver_port=receiver_port)

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert done.suboperations is not None
    assert done.suboperations["completed"] == 1


def test_dcmtk_answers_queries_and_gives_what_was_stored_at_each_level() -> None:
    patient = {"PatientID": "VNAOPS-PROBE"}

    def ask(port: int, prober: str, level: str) -> Probe:
        return probed(port, DCMTK | {"prober": prober, "level": level, "match": patient})

    with dcmqrscp() as port:
        for _ in range(3):
            assert probed(port, DCMTK | {"prober": "store", "rows": 8, "columns": 8}).outcome is Outcome.ACCEPTED
        patients, got = ask(port, "find", "patient"), ask(port, "get", "patient")

    assert (patients.outcome, patients.results) == (Outcome.ACCEPTED, 1), patients.log
    assert (got.outcome, got.results) == (Outcome.ACCEPTED, 3), got.log


def step(modality: str, station: str) -> Dataset:
    """An entry of the worklist."""
    scheduled = Dataset()
    scheduled.Modality, scheduled.ScheduledStationAETitle = modality, station
    scheduled.ScheduledProcedureStepStartDate, scheduled.ScheduledProcedureStepStartTime = "20260101", "080000"
    entry = Dataset()
    entry.PatientID, entry.PatientName = "VNAOPS-PROBE", "VNAOPS^PROBE"
    entry.StudyInstanceUID, entry.RequestedProcedureID = "1.2.3", "1"
    entry.ScheduledProcedureStepSequence = [scheduled]
    return entry


@pytest.mark.parametrize(
    ("match", "results"), [({"Modality": "CT"}, 2), ({"Modality": "MR"}, 1), ({"Modality": "US"}, 0)]
)
def test_dcmtks_worklist_is_matched_by_nested_keys(match: dict[str, str], results: int) -> None:
    module = DCMTK | {"prober": "find", "level": "worklist", "match": {"ScheduledProcedureStepSequence": match}}
    with wlmscpfs([step("CT", "CT1"), step("CT", "CT2"), step("MR", "MR1")]) as port:
        done = probed(port, module)

    assert (done.outcome, done.results) == (Outcome.ACCEPTED, results), done.log
