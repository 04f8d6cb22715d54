"""Transactions of DICOMweb and WADO-URI with one instance (PS3.18 sections 9, 10.4, 10.5)."""

from collections.abc import Mapping
from typing import Any

from pydicom.dataset import Dataset

from exporters.dicom_exporter import multipart, retrieved
from exporters.dicom_exporter.instance import Instance, file_of, make_instance
from exporters.dicom_exporter.modules import Imaging, InstanceUids
from exporters.dicom_exporter.outcome import Outcome, ProbeError
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.target import Target
from exporters.dicom_exporter.web_client import WebClient
from exporters.dimse import uids

_JSON = "application/dicom+json"
_REFERENCED, _FAILED, _REFERENCED_UID, _REASON = "00081199", "00081198", "00081155", "00081197"


async def stow(client: WebClient, base: str, target: Target, imaging: Imaging, probe: Probe) -> Instance:
    """Store a new instance by STOW-RS. Raises ProbeError unless the answer says that it is stored."""
    instance = make_instance(imaging, str(target), uids.EXPLICIT_VR_LITTLE_ENDIAN)
    probe.say("instance", sop_instance_uid=instance.sop_instance_uid, bytes=len(instance.data_set))
    content = multipart.one_part(file_of(instance))
    answer = await client.request("POST", f"{base}/studies", _JSON, content=content)
    stored, reason = _stow_answer(answer.json())
    if instance.sop_instance_uid not in stored:
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, f"the instance was not stored; reason: {reason or 'none given'}")
    return instance


async def wado_rs(client: WebClient, base: str, uid: InstanceUids) -> Dataset:
    """Retrieve one instance. Raises ProbeError if it isn't the one."""
    path = f"{base}/studies/{uid.study}/series/{uid.series}/instances/{uid.instance}"
    answer = await client.request("GET", path, 'multipart/related; type="application/dicom"; transfer-syntax=*')
    files = multipart.parts(answer.content_type, answer.body)
    if len(files) != 1:
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, f"{len(files)} instances came, where one was asked for")
    return _checked(files[0], uid)


async def wado_uri(client: WebClient, path: str, uid: InstanceUids) -> Dataset:
    """The same by WADO-URI."""
    parameters: Mapping[str, str] = {
        "requestType": "WADO",
        "studyUID": uid.study,
        "seriesUID": uid.series,
        "objectUID": uid.instance,
        "contentType": "application/dicom",
    }
    answer = await client.request("GET", path, "application/dicom", parameters=parameters)
    return _checked(answer.body, uid)


def uids_of(instance: Instance) -> InstanceUids:
    """For retrieving it."""
    return InstanceUids(
        study=instance.study_instance_uid, series=instance.series_instance_uid, instance=instance.sop_instance_uid
    )


def _checked(content: bytes, uid: InstanceUids) -> Dataset:
    found = retrieved.read_file(content)
    retrieved.check_identity(found, uid.instance)
    return found


def _stow_answer(answer: Any) -> tuple[list[str], str]:
    """The instances that were stored, and the first failure's reason as a number (PS3.18 annex I.2.2)."""
    try:
        stored = [item[_REFERENCED_UID]["Value"][0] for item in answer.get(_REFERENCED, {}).get("Value", ())]
        reasons = [item[_REASON]["Value"][0] for item in answer.get(_FAILED, {}).get("Value", ())]
        return stored, f"{reasons[0]:#06x}" if reasons else ""
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        raise ProbeError(Outcome.UNEXPECTED_CONTENT, "the answer to STOW-RS is not the DICOM JSON model") from None
