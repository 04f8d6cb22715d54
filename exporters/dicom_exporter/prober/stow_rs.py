"""STOW-RS of a new instance each time (PS3.18 section 10.5)."""

from exporters.dicom_exporter import dicomweb
from exporters.dicom_exporter.modules import StowModule
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dicom_exporter.web_client import web_client


async def run(target: Target, module: StowModule, probe: Probe, _: Receiver) -> None:
    """Store."""
    async with web_client(target, module, probe) as client:
        await dicomweb.stow(client, module.path, target, module, probe)
