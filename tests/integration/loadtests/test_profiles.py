"""One instance of each kind of each profile of radiology, stored in Orthanc and in dcmtk's storescp and read again.

HTJ2K came to both of them later than to the standard: Debian 12's Orthanc (1.10.1) takes it over HTTP only, its dcmtk
(3.6.7) not at all.
"""

import hashlib
import json
import urllib.request
from collections.abc import Iterator

import pytest
from pydicom import dcmread
from pynetdicom import evt

from loadtests.dataset import fingerprint, split_file
from loadtests.engine.errors import ContextError
from loadtests.engine.scu import Scu, Target
from loadtests.profiles.instance import Instance, as_file
from loadtests.profiles.patient import KANJI, LATIN_1, UTF_8
from tests.peers.dcmtk import StoreScp, storescp
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.pynetdicom_scp import pynetdicom_scp
from tests.unit.loadtests.profiles.radiology import NAMES, study

HTJ2K = tuple(name for name in NAMES if name.endswith("htj2k"))
OTHERS = tuple(name for name in NAMES if name not in HTJ2K)


@pytest.fixture(scope="module")
def archive() -> Iterator[Orthanc]:
    with orthanc() as server:
        yield server


@pytest.fixture(scope="module")
def receiver() -> Iterator[StoreScp]:
    with storescp(["+xa", "+B"]) as server:  # any transfer syntax, written as received
        yield server


def one_of_each_kind(name: str) -> list[Instance]:
    """The first instance of each SOP class and size."""
    found = {(one.sop_class_uid, one.size): one for one in study(name, 4, run=f"into {name}").instances()}
    smallest = min(found.values(), key=lambda one: one.size)
    return [one for one in found.values() if one.size < 100_000_000] or [smallest]


def send(port: int, ae_title: str, instances: list[Instance]) -> None:
    contexts = {(one.sop_class_uid, (one.transfer_syntax,)) for one in instances}
    with Scu(Target("127.0.0.1", port, ae_title), sorted(contexts)) as scu:
        for one in instances:
            assert scu.store(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax, one.buffers).status == 0


def ask(archive: Orthanc, path: str, body: bytes | None = None) -> bytes:
    """The answer to GET, or to POST where there is a body."""
    request = urllib.request.Request(archive.url + path, body)  # noqa: S310  (http by construction)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        found: bytes = answer.read()
    return found


def given_back(archive: Orthanc, instance: Instance) -> tuple[str, str]:
    """Transfer syntax and hash of the pixel data of what the archive has under the instance's UID."""
    (found,) = json.loads(ask(archive, "/tools/lookup", instance.sop_instance_uid.encode()))
    syntax, data = split_file(ask(archive, f"/instances/{found['ID']}/file"))
    return syntax, fingerprint(data).pixel_sha256


@pytest.mark.parametrize("name", OTHERS)
def test_orthanc_stores_it_and_gives_it_back_identical(archive: Orthanc, name: str) -> None:
    instances = one_of_each_kind(name)

    send(archive.dicom_port, archive.ae_title, instances)

    for one in instances:
        assert given_back(archive, one) == (one.transfer_syntax, one.pixel_sha256)


@pytest.mark.parametrize("name", HTJ2K)
def test_orthanc_takes_htj2k_over_http_only(archive: Orthanc, name: str) -> None:
    (one, *_) = one_of_each_kind(name)
    with pytest.raises(ContextError):
        send(archive.dicom_port, archive.ae_title, [one])

    ask(archive, "/instances", b"".join(as_file(one)))

    assert given_back(archive, one) == (one.transfer_syntax, one.pixel_sha256)


@pytest.mark.parametrize("name", OTHERS)
def test_storescp_takes_it(receiver: StoreScp, name: str) -> None:
    instances = one_of_each_kind(name)

    send(receiver.port, receiver.ae_title, instances)

    for one in instances:
        (file,) = (path for path in receiver.files() if path.name.endswith(one.sop_instance_uid))
        _, data = split_file(file.read_bytes())
        assert fingerprint(data).pixel_sha256 == one.pixel_sha256
        assert dcmread(file, stop_before_pixels=True).SOPClassUID == one.sop_class_uid
        file.unlink()


@pytest.mark.parametrize("name", HTJ2K)
def test_pynetdicom_takes_htj2k(name: str) -> None:
    (one, *_) = one_of_each_kind(name)
    received: list[bytes] = []

    def keep(event: evt.Event) -> int:
        received.append(event.request.DataSet.getvalue())
        return 0

    with pynetdicom_scp(
        sop_classes=[one.sop_class_uid], transfer_syntaxes=[one.transfer_syntax], handlers={evt.EVT_C_STORE: keep}
    ) as server:
        send(server.port, server.ae_title, [one])

    assert [hashlib.sha256(each).digest() for each in received] == [hashlib.sha256(b"".join(one.buffers)).digest()]


@pytest.mark.parametrize("character_set", [LATIN_1, UTF_8, KANJI])
def test_orthanc_reads_the_name_in_its_character_set(archive: Orthanc, character_set: str | tuple[str, ...]) -> None:
    studies = (study("mr", 1, run=f"names in {character_set}", number=number) for number in range(1, 500))
    made = next(one for one in studies if one.patient.character_set == character_set)

    send(archive.dicom_port, archive.ae_title, list(made.instances()))

    (found,) = (
        patient
        for patient in map(archive.get, (f"/patients/{each}" for each in archive.get("/patients")))
        if patient["MainDicomTags"]["PatientID"] == made.patient_id
    )
    assert found["MainDicomTags"]["PatientName"] == made.patient.name
