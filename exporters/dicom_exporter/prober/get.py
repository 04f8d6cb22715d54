"""C-GET (PS3.7 section 9.1.3; PS3.4 section C.4.3): the instances come over the same association."""

from collections.abc import Sequence
from time import perf_counter

from exporters.dicom_exporter.arrivals import Arrivals
from exporters.dicom_exporter.association import ProbeAssociation, associate
from exporters.dicom_exporter.modules import DimseModule, GetModule
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober import retrieve
from exporters.dicom_exporter.prober.find import Query
from exporters.dicom_exporter.prober.store import TRANSFER_SYNTAXES
from exporters.dicom_exporter.query import identifier
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dimse import uids
from exporters.dimse.command import Command, CommandField, get_request
from exporters.dimse.items import RoleSelection
from exporters.dimse.message import Message
from exporters.dimse.status import SUCCESS


async def run(target: Target, module: GetModule, probe: Probe, _: Receiver) -> None:
    """Get; `request` is the time until the first instance or response, `transfer` the time from that to the last."""
    query, arrivals = Query(module.level, module.match), Arrivals()
    syntaxes = [(sop_class, module.transfer_syntaxes) for sop_class in module.sop_classes]
    await get(target, module, probe, query, syntaxes, arrivals, module.min_results)


async def get(
    target: Target,
    module: DimseModule,
    probe: Probe,
    query: Query,
    storage: Sequence[tuple[str, Sequence[str]]],
    arrivals: Arrivals,
    wanted: int,
) -> None:
    """Retrieve what the query matches into `arrivals`; `storage` are the SOP classes to take in their syntaxes."""
    model = retrieve.GET.get(query.level, uids.STUDY_ROOT_GET)
    roles = [RoleSelection(sop_class, scu=False, scp=True) for sop_class, _ in storage]
    syntaxes = [(model, TRANSFER_SYNTAXES), *storage]
    async with associate(
        target, module, probe, syntaxes, roles=roles, max_pdu_length=retrieve.MAX_PDU_LENGTH
    ) as association:
        context = association.context(model)
        association.receive_into(arrivals.sink)
        request = get_request(association.next_message_id(), model)
        began = perf_counter()
        with probe.phase("request"):
            await association.send(context, request, identifier(query.level, query.match, context.transfer_syntax))
            message = await association.message()
        with probe.phase("transfer"):
            while (answer := await _response(association, request, message, arrivals)) is None or not retrieve.is_last(
                answer, probe
            ):
                message = await association.message()
        retrieve.judge("C-GET", answer, arrivals, probe, began, wanted)


async def _response(
    association: ProbeAssociation, request: Command, message: Message, arrivals: Arrivals
) -> Command | None:
    """A response to the request; None: it was an instance, which is taken and answered."""
    asked = message.command
    if asked.command_field != CommandField.C_STORE_RQ:
        return association.check(request, message)
    context = association.context_of(message)
    if not context.requestor_is_scp:
        words = f"C-STORE on {context.abstract_syntax}, for which the SCP role was not granted"
        raise ProbeError(Outcome.PROTOCOL_VIOLATION, words)
    arrivals.take(message, context.transfer_syntax)
    await association.respond(message, SUCCESS)
    return None
