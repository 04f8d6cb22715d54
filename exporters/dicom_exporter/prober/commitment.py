"""Storage commitment (PS3.4 annex J): store, ask for commitment, wait for the report.

The report comes over the same association, or over one that the target opens to the prober's own SCP.
"""

import asyncio
from contextlib import suppress

from exporters.dicom_exporter.association import ProbeAssociation, associate
from exporters.dicom_exporter.commitment import COMMITTED, REQUEST, Report, action_information, read_report
from exporters.dicom_exporter.instance import Instance
from exporters.dicom_exporter.modules import CommitmentModule
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober.store import SYNTAXES, TRANSFER_SYNTAXES, store
from exporters.dicom_exporter.receiver import Commitment, Receiver
from exporters.dicom_exporter.target import Target
from exporters.dimse import uids
from exporters.dimse.command import CommandField, action_request
from exporters.dimse.message import Message
from exporters.dimse.pdu import ReleaseRequest
from exporters.dimse.status import SUCCESS


async def run(target: Target, module: CommitmentModule, probe: Probe, receiver: Receiver) -> None:
    """`request` is the time until N-ACTION is answered, `report` the wait for the N-EVENT-REPORT after it."""
    syntaxes = [SYNTAXES, (uids.STORAGE_COMMITMENT_PUSH_MODEL, TRANSFER_SYNTAXES)]
    async with associate(target, module, probe, syntaxes) as association:
        context = association.context(uids.STORAGE_COMMITMENT_PUSH_MODEL)
        instance = await store(association, target, module, probe)
        transaction_uid = uids.new_uid()
        with receiver.commitment(transaction_uid) as expected:
            request = action_request(
                association.next_message_id(),
                uids.STORAGE_COMMITMENT_PUSH_MODEL,
                uids.STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE,
                REQUEST,
            )
            with probe.phase("request"):
                information = action_information(transaction_uid, instance, context.transfer_syntax)
                await association.send(context, request, information)
                answer = await association.response(request)
            if answer.status != SUCCESS:
                raise ProbeError(Outcome.FAILURE_STATUS, f"N-ACTION was answered with status {answer.status:#06x}")
            with probe.phase("report"):
                report = await _report(association, expected, receiver.listens)
        _judge(report, instance, probe)


async def _report(association: ProbeAssociation, expected: Commitment, listens: bool) -> Report:
    """Whichever comes first: on the association, or at the prober's SCP."""
    here = asyncio.create_task(_report_here(association, expected.transaction_uid, listens))
    try:
        await asyncio.wait({here, expected.report}, return_when=asyncio.FIRST_COMPLETED)
        return expected.report.result() if expected.report.done() else here.result()
    finally:
        here.cancel()
        with suppress(asyncio.CancelledError, Exception):  # what it raised has been taken above, if it counted
            await here


async def _report_here(association: ProbeAssociation, transaction_uid: str, listens: bool) -> Report:
    while True:
        event = await association.event()
        if isinstance(event, ReleaseRequest) and listens:
            association.confirm_release()
            await asyncio.Event().wait()  # the report comes elsewhere, or the deadline
        if not isinstance(event, Message) or event.command.command_field != CommandField.N_EVENT_REPORT_RQ:
            raise ProbeError(Outcome.PROTOCOL_VIOLATION, f"{type(event).__name__} instead of a report")
        report = read_report(event, association.context_of(event).transfer_syntax)
        await association.respond(event, SUCCESS)
        if report.transaction_uid == transaction_uid:
            return report


def _judge(report: Report, instance: Instance, probe: Probe) -> None:
    probe.say("report", event_type=report.event_type, committed=len(report.committed))
    if report.event_type != COMMITTED or instance.sop_instance_uid not in report.committed:
        reasons = ", ".join(f"{reason:#06x}" for reason in report.failure_reasons) or "none given"
        raise ProbeError(Outcome.FAILURE_STATUS, f"the instance was not committed; reasons: {reasons}")
