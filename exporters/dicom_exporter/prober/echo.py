"""C-ECHO (PS3.7 section 9.1.5; PS3.4 annex A)."""

from time import perf_counter

from exporters.dicom_exporter.association import associate
from exporters.dicom_exporter.modules import EchoModule
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober import stall
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dimse import uids
from exporters.dimse.command import echo_request
from exporters.dimse.status import SUCCESS


async def run(target: Target, module: EchoModule, probe: Probe, _: Receiver) -> None:
    """Verify; `request` is the time from the first request's first byte to the response.

    More than one are sent only where the answer looks stalled.
    """
    syntaxes = [(uids.VERIFICATION, [uids.IMPLICIT_VR_LITTLE_ENDIAN])]
    async with associate(target, module, probe, syntaxes) as association:
        context = association.context(uids.VERIFICATION)

        async def echo() -> float:
            began = perf_counter()
            command = echo_request(association.next_message_id())
            await association.send(context, command)
            answer = await association.response(command)
            if answer.status != SUCCESS:
                raise ProbeError(Outcome.FAILURE_STATUS, f"C-ECHO was answered with status {answer.status:#06x}")
            return perf_counter() - began

        with probe.phase("request"):
            first = await echo()
        probe.stall_suspected = await stall.suspected(probe.phases["connect"], first, echo)
        if probe.stall_suspected:
            probe.say("stall suspected", milliseconds=round(first * 1000, 1), cure="TCP_NODELAY=1 for the target")
