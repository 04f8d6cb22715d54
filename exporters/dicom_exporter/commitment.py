"""The data sets of storage commitment (PS3.4 annex J.3)."""

from dataclasses import dataclass

from pydicom.dataset import Dataset

from exporters.dicom_exporter.instance import Instance, encode
from exporters.dicom_exporter.retrieved import decoding, read
from exporters.dimse import uids
from exporters.dimse.message import Message

REQUEST = 1  # action type (PS3.4 table J.3.2-1)
COMMITTED, FAILURES_EXIST = 1, 2  # event types (PS3.4 table J.3.3-1)


@dataclass(frozen=True)
class Report:
    """What an N-EVENT-REPORT says."""

    transaction_uid: str
    event_type: int
    committed: frozenset[str]
    """SOP instance UIDs."""
    failure_reasons: tuple[int, ...] = ()


def action_information(transaction_uid: str, instance: Instance, transfer_syntax: str) -> bytes:
    """Of the N-ACTION that asks for commitment of the instance."""
    referenced = Dataset()
    referenced.ReferencedSOPClassUID = uids.SECONDARY_CAPTURE_IMAGE_STORAGE
    referenced.ReferencedSOPInstanceUID = instance.sop_instance_uid
    dataset = Dataset()
    dataset.TransactionUID = transaction_uid
    dataset.ReferencedSOPSequence = [referenced]
    return encode(dataset, transfer_syntax)


def read_report(message: Message, transfer_syntax: str) -> Report:
    """Of an N-EVENT-REPORT-RQ. Raises ProbeError if it can't be read."""
    dataset = read(message.data_set or b"", transfer_syntax)
    with decoding():
        committed = frozenset(str(one.ReferencedSOPInstanceUID) for one in dataset.get("ReferencedSOPSequence") or ())
        reasons = tuple(int(one.FailureReason) for one in dataset.get("FailedSOPSequence") or ())
        transaction = str(dataset.get("TransactionUID", ""))
    return Report(transaction, message.command.event_type_id or 0, committed, reasons)
