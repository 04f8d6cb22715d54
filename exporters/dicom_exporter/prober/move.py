"""C-MOVE to the prober's own SCP (PS3.7 section 9.1.4; PS3.4 section C.4.2)."""

from time import perf_counter

from exporters.dicom_exporter.arrivals import Arrivals
from exporters.dicom_exporter.association import associate
from exporters.dicom_exporter.modules import DimseModule, MoveModule
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober import retrieve
from exporters.dicom_exporter.prober.find import Query
from exporters.dicom_exporter.prober.store import TRANSFER_SYNTAXES
from exporters.dicom_exporter.query import identifier
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dimse import uids
from exporters.dimse.command import move_request


async def run(target: Target, module: MoveModule, probe: Probe, receiver: Receiver) -> None:
    """Move; `request` is the time until the first response, `transfer` the time from that to the last."""
    await move(target, module, probe, receiver, Query(module.level, module.match), Arrivals(), module.min_results)


async def move(
    target: Target,
    module: DimseModule,
    probe: Probe,
    receiver: Receiver,
    query: Query,
    arrivals: Arrivals,
    wanted: int,
) -> None:
    """Have what the query matches sent into `arrivals`."""
    model = retrieve.MOVE.get(query.level, uids.STUDY_ROOT_MOVE)
    async with associate(target, module, probe, [(model, TRANSFER_SYNTAXES)]) as association:
        context = association.context(model)
        began = perf_counter()
        with receiver.move(arrivals) as expected:
            request = move_request(expected.message_id, model, receiver.ae_title)
            with probe.phase("request"):
                await association.send(context, request, identifier(query.level, query.match, context.transfer_syntax))
                message = await association.message()
            with probe.phase("transfer"):
                while not retrieve.is_last(answer := association.check(request, message), probe):
                    message = await association.message()
        retrieve.judge("C-MOVE", answer, arrivals, probe, began, wanted)
