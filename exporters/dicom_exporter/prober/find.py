"""C-FIND (PS3.7 section 9.1.2; PS3.4 annexes C and K)."""

from dataclasses import dataclass
from time import perf_counter

from exporters.dicom_exporter.association import ProbeAssociation, associate
from exporters.dicom_exporter.modules import FindModule
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober.store import TRANSFER_SYNTAXES
from exporters.dicom_exporter.query import Values, identifier
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dimse import uids
from exporters.dimse.association import Context
from exporters.dimse.command import Command, cancel_request, find_request
from exporters.dimse.message import Message
from exporters.dimse.status import StatusClass, status_class

AFTER_CANCEL = 100_000
"""So many results may still come after the C-CANCEL: what fills the buffers on the way (6 MB of 64 bytes each)."""

SOP_CLASSES = {"patient": uids.PATIENT_ROOT_FIND, "worklist": uids.MODALITY_WORKLIST_FIND}


@dataclass(frozen=True)
class Query:
    """What to ask for; see `FindModule`."""

    level: str
    match: Values
    return_keys: tuple[str, ...] = ()
    max_results: int = 1


async def run(target: Target, module: FindModule, probe: Probe, _: Receiver) -> None:
    """Find; `request` is the time until the first response, `transfer` the time from that to the last."""
    sop_class = SOP_CLASSES.get(module.level, uids.STUDY_ROOT_FIND)
    async with associate(target, module, probe, [(sop_class, TRANSFER_SYNTAXES)]) as association:
        query = Query(module.level, module.match, module.return_keys, module.max_results)
        found = await find(association, association.context(sop_class), query, probe)
    if found < module.min_results:
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, f"{found} results, where {module.min_results} are wanted at least")


async def find(association: ProbeAssociation, context: Context, query: Query, probe: Probe) -> int:
    """How many results there are; after the most that are wanted the query is cancelled, and nothing is kept."""
    request = find_request(association.next_message_id(), context.abstract_syntax)
    data_set = identifier(query.level, query.match, context.transfer_syntax, query.return_keys)
    began, probe.results = perf_counter(), 0
    with probe.phase("request"):
        await association.send(context, request, data_set)
        message = await association.message()
    with probe.phase("transfer"):
        while _is_result(association.check(request, message), message):
            probe.results += 1
            if probe.results == 1:
                probe.time_to_first_result = perf_counter() - began
            if probe.results == query.max_results:
                probe.say("cancelling", results=probe.results)
                await association.send(context, cancel_request(request.message_id or 0))
            if probe.results > query.max_results + AFTER_CANCEL:
                words = f"{AFTER_CANCEL} further results came after the C-CANCEL"
                raise ProbeError(Outcome.PROTOCOL_VIOLATION, words)
            message = await association.message()
    status = message.command.status or 0
    if status_class(status) is StatusClass.CANCEL and probe.results >= query.max_results:
        return probe.results
    if status_class(status) is not StatusClass.SUCCESS:
        raise ProbeError(Outcome.FAILURE_STATUS, f"C-FIND was answered with status {status:#06x}")
    return probe.results


def _is_result(answer: Command, message: Message) -> bool:
    if answer.status is None or status_class(answer.status) is not StatusClass.PENDING:
        return False
    if message.data_set is None:
        raise ProbeError(Outcome.PROTOCOL_VIOLATION, "a pending response to C-FIND has no identifier")
    return True
