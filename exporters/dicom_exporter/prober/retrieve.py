"""What C-GET and C-MOVE have in common: responses with sub-operation counts (PS3.7 sections 9.1.3, 9.1.4)."""

from exporters.dicom_exporter.arrivals import Arrivals
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dimse import uids
from exporters.dimse.command import Command
from exporters.dimse.status import StatusClass, status_class

GET = {"patient": uids.PATIENT_ROOT_GET}
MOVE = {"patient": uids.PATIENT_ROOT_MOVE}

MAX_PDU_LENGTH = 131072  # images come: 16384 would halve the speed of large ones


def is_last(answer: Command, probe: Probe) -> bool:
    """Whether it is the final response; its counts are noted."""
    counts = {
        "remaining": answer.remaining_suboperations,
        "completed": answer.completed_suboperations,
        "failed": answer.failed_suboperations,
        "warning": answer.warning_suboperations,
    }
    if probe.suboperations is None:
        probe.suboperations = dict.fromkeys(counts, 0)
    probe.suboperations.update({state: count for state, count in counts.items() if count is not None})
    last = answer.status is None or status_class(answer.status) is not StatusClass.PENDING
    if last:
        probe.suboperations["remaining"] = answer.remaining_suboperations or 0  # it has none, unless cancelled
    return last


def judge(name: str, answer: Command, arrivals: Arrivals, probe: Probe, began: float, wanted: int) -> None:
    """Raises ProbeError unless all went well and so many instances came."""
    probe.results = arrivals.count
    if arrivals.first_at is not None:
        probe.time_to_first_result = arrivals.first_at - began
    failed = (probe.suboperations or {}).get("failed", 0)
    kind = status_class(answer.status or 0)
    if failed or kind not in (StatusClass.SUCCESS, StatusClass.WARNING):
        words = f"{name} was answered with status {answer.status or 0:#06x}, {failed} sub-operations failed"
        raise ProbeError(Outcome.FAILURE_STATUS, words)
    completed = answer.completed_suboperations or 0
    if arrivals.count < max(wanted, completed):
        words = f"{arrivals.count} instances came, where {max(wanted, completed)} were reported or wanted"
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, words)
