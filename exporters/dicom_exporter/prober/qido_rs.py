"""QIDO-RS (PS3.18 section 10.6)."""

from exporters.dicom_exporter.modules import QidoModule
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dicom_exporter.web_client import web_client

NO_CONTENT = 204  # what some servers answer where nothing is found


async def run(target: Target, module: QidoModule, probe: Probe, _: Receiver) -> None:
    """Search."""
    parameters = {**module.match, "limit": str(module.max_results)}
    async with web_client(target, module, probe) as client:
        path = f"{module.path}/{module.level}"
        answer = await client.request("GET", path, "application/dicom+json", parameters=parameters)
    found = [] if answer.status == NO_CONTENT else answer.json()
    if not isinstance(found, list):
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, "the answer to QIDO-RS is no list")
    probe.results = len(found)
    if probe.results < module.min_results:
        words = f"{probe.results} results, where {module.min_results} are wanted at least"
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, words)
