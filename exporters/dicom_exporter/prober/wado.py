"""WADO-RS and WADO-URI of one instance (PS3.18 sections 10.4, 9): a given one, or one that was stored just before."""

from exporters.dicom_exporter import dicomweb, retrieved
from exporters.dicom_exporter.modules import WadoRsModule, WadoUriModule
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dicom_exporter.web_client import web_client


async def run(target: Target, module: WadoRsModule | WadoUriModule, probe: Probe, _: Receiver) -> None:
    """Retrieve; what was stored before is compared with what comes back.

    `store` is the time that the storing took; the phases after it are of the retrieval.
    """
    sent = None
    async with web_client(target, module, probe) as client:
        uid = module.instance
        if uid is None:
            with probe.phase("store"):
                sent = await dicomweb.stow(client, module.path, target, module, probe)
            uid = dicomweb.uids_of(sent)
        if isinstance(module, WadoRsModule):
            found = await dicomweb.wado_rs(client, module.path, uid)
        else:
            found = await dicomweb.wado_uri(client, module.wado_path, uid)
    probe.results = 1
    if sent is not None:
        retrieved.compare(found, sent, probe)
