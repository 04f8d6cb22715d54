"""Store, find, retrieve, compare: whether what an archive has taken can be found and comes back as it was.

Each step has an association of its own, as it would have with a modality and a workstation: behind a balancer they
may end at different replicas.
"""

import asyncio
from time import perf_counter

from pydicom.dataset import Dataset

from exporters.dicom_exporter import dicomweb, retrieved
from exporters.dicom_exporter.arrivals import Arrivals
from exporters.dicom_exporter.association import associate
from exporters.dicom_exporter.instance import Instance
from exporters.dicom_exporter.modules import RoundTripModule
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober.find import Query, find
from exporters.dicom_exporter.prober.get import get
from exporters.dicom_exporter.prober.move import move
from exporters.dicom_exporter.prober.store import SYNTAXES, TRANSFER_SYNTAXES, store
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dicom_exporter.web_client import web_client
from exporters.dimse import uids

PHASES = ("store", "find", "retrieve", "compare")
AGAIN_SECONDS = 0.2  # between two queries of an archive that may take its time


async def run(target: Target, module: RoundTripModule, probe: Probe, receiver: Receiver) -> None:
    """All four; each phase includes its association."""
    with probe.phase("store"):
        async with associate(target, module, probe, [SYNTAXES]) as association:
            sent = await store(association, target, module, probe)
    query = _query(sent)
    with probe.phase("find"):
        await _find(target, module, probe, query)
    with probe.phase("retrieve"):
        found = await _retrieve(target, module, probe, receiver, query, sent)
    with probe.phase("compare"):
        retrieved.compare(found, sent, probe)


def _query(sent: Instance) -> Query:
    """With the unique keys of all levels above, as hierarchical queries need them (PS3.4 section C.4.1.2.1)."""
    keys = {
        "StudyInstanceUID": sent.study_instance_uid,
        "SeriesInstanceUID": sent.series_instance_uid,
        "SOPInstanceUID": sent.sop_instance_uid,
    }
    return Query("image", keys, max_results=2)


async def _find(target: Target, module: RoundTripModule, probe: Probe, query: Query) -> None:
    until = perf_counter() + module.find_within_seconds
    async with associate(target, module, probe, [(uids.STUDY_ROOT_FIND, TRANSFER_SYNTAXES)]) as association:
        context = association.context(uids.STUDY_ROOT_FIND)
        while not (count := await find(association, context, query, probe)):
            if perf_counter() >= until:
                raise ProbeError(Outcome.UNEXPECTED_CONTENT, "the instance that was stored is not found")
            await asyncio.sleep(AGAIN_SECONDS)
    if count > 1:
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, "the instance that was stored is found more than once")


async def _retrieve(
    target: Target, module: RoundTripModule, probe: Probe, receiver: Receiver, query: Query, sent: Instance
) -> Dataset:
    if module.wado_rs is not None:
        async with web_client(Target.parse(module.wado_rs.target), module.wado_rs, probe) as client:
            return await dicomweb.wado_rs(client, module.wado_rs.path, dicomweb.uids_of(sent))
    arrivals = Arrivals(keep=2 * len(sent.data_set) + 65536)  # the archive may have added to it
    if module.retrieve == "move":
        await move(target, module, probe, receiver, query, arrivals, 1)
    else:
        await get(target, module, probe, query, [SYNTAXES], arrivals, 1)
    return retrieved.read(arrivals.last, arrivals.last_transfer_syntax)
