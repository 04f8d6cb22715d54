"""C-STORE of a new instance each time (PS3.7 section 9.1.1; PS3.4 annex B).

New, since an archive may skip the write of an instance that it has, and the write is what is measured.
"""

from exporters.dicom_exporter.association import ProbeAssociation, associate
from exporters.dicom_exporter.instance import Instance, make_instance
from exporters.dicom_exporter.modules import Imaging, StoreModule
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.receiver import Receiver
from exporters.dicom_exporter.target import Target
from exporters.dimse import uids
from exporters.dimse.command import store_request
from exporters.dimse.status import StatusClass, status_class

TRANSFER_SYNTAXES = (uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN)
SYNTAXES = (uids.SECONDARY_CAPTURE_IMAGE_STORAGE, TRANSFER_SYNTAXES)


async def run(target: Target, module: StoreModule, probe: Probe, _: Receiver) -> None:
    """Store; `transfer` is the time until the last byte has left, `request` the wait for the response after it."""
    async with associate(target, module, probe, [SYNTAXES]) as association:
        await store(association, target, module, probe)


async def store(association: ProbeAssociation, target: Target, module: Imaging, probe: Probe) -> Instance:
    """Store a new instance over an association that has proposed `SYNTAXES`.

    A warning is a success too: the instance is stored (PS3.4 table B.2-1), and the status class says it.
    """
    context = association.context(uids.SECONDARY_CAPTURE_IMAGE_STORAGE)
    instance = make_instance(module, str(target), context.transfer_syntax)
    probe.say("instance", sop_instance_uid=instance.sop_instance_uid, bytes=len(instance.data_set))
    command = store_request(
        association.next_message_id(), uids.SECONDARY_CAPTURE_IMAGE_STORAGE, instance.sop_instance_uid
    )
    with probe.phase("transfer"):
        await association.send(context, command, instance.data_set)
    with probe.phase("request"):
        answer = await association.response(command)
    if answer.status is None or status_class(answer.status) not in (StatusClass.SUCCESS, StatusClass.WARNING):
        raise ProbeError(Outcome.FAILURE_STATUS, f"C-STORE was answered with status {answer.status:#06x}")
    return instance
