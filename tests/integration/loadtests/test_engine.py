"""The DIMSE engine against Orthanc, storescp, and a peer that misbehaves."""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from exporters.dimse import uids
from exporters.dimse.message import Message
from exporters.dimse.pdu import AssociateReject
from loadtests.campaigns.work import PROFILES
from loadtests.dataset import fingerprint
from loadtests.engine import errors
from loadtests.engine.scu import Scu, Target
from loadtests.profiles.instance import Instance
from loadtests.profiles.study import Study
from loadtests.users import identifier
from tests.peers import wayward_scp
from tests.peers.dcmtk import storescp
from tests.peers.orthanc import Orthanc, orthanc

IMPLICIT = [uids.IMPLICIT_VR_LITTLE_ENDIAN]


@pytest.fixture(scope="module")
def archive() -> Iterator[Orthanc]:
    with orthanc() as running:
        yield running


def study_of(profile: str, run: str, instances: int) -> Study:
    return Study(PROFILES[profile](seed=1), run, 1, instances, datetime.now(UTC))


def store_all(target: Target, study: Study) -> dict[str, str]:
    """SOP instance UID -> hash of the pixel data of all that was stored."""
    first = next(study.instances())
    sent = {}
    with Scu(target, [(first.sop_class_uid, [first.transfer_syntax])]) as scu:
        for one in study.instances():
            assert scu.store(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax, one.buffers).status == 0
            sent[one.sop_instance_uid] = one.pixel_sha256
    return sent


def target_of(archive: Orthanc, **changes: float) -> Target:
    return Target("127.0.0.1", archive.dicom_port, archive.ae_title, **changes)


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_what_was_stored_is_found_and_comes_back_unchanged(archive: Orthanc, profile: str) -> None:
    study = study_of(profile, f"engine {profile}", 7)
    sent, came = store_all(target_of(archive), study), {}
    first = next(study.instances())

    def on_instance(message: Message, transfer_syntax: str) -> int:
        assert transfer_syntax == first.transfer_syntax
        found = fingerprint(message.data_set or b"")
        came[found.sop_instance_uid] = found.pixel_sha256
        return 0

    contexts = [
        (uids.STUDY_ROOT_FIND, IMPLICIT),
        (uids.STUDY_ROOT_GET, IMPLICIT),
        (first.sop_class_uid, [first.transfer_syntax]),
    ]
    with Scu(target_of(archive), contexts, retrieves=[first.sop_class_uid]) as scu:
        wanted = {identifier.QUERY_RETRIEVE_LEVEL: "STUDY", identifier.STUDY_UID: ""}
        by_number = identifier.encode({**wanted, identifier.ACCESSION_NUMBER: study.accession_number})
        matches = list(scu.find(uids.STUDY_ROOT_FIND, by_number))
        got = scu.get(uids.STUDY_ROOT_GET, identifier.encode({**wanted, identifier.STUDY_UID: study.uid}), on_instance)

    assert len(matches) == 1
    assert study.uid.encode() in matches[0]
    assert (got.completed, got.failed, got.warning) == (7, 0, 0)
    assert came == sent


def test_a_query_without_a_match_ends_without_one(archive: Orthanc) -> None:
    with Scu(target_of(archive), [(uids.STUDY_ROOT_FIND, IMPLICIT)]) as scu:
        wanted = {identifier.QUERY_RETRIEVE_LEVEL: "STUDY", identifier.ACCESSION_NUMBER: "NOBODY"}
        assert list(scu.find(uids.STUDY_ROOT_FIND, identifier.encode(wanted))) == []


def test_one_association_serves_many_operations(archive: Orthanc) -> None:
    with Scu(target_of(archive), [(uids.VERIFICATION, IMPLICIT)]) as scu:
        answers = [scu.echo() for _ in range(50)]

    assert all(answer.status == 0 and 0 < answer.seconds < 30 for answer in answers)
    assert scu.connect_seconds > 0
    assert scu.associate_seconds > 0


@pytest.mark.parametrize("longest", ["4096", "16384", "131072"])
def test_any_pdu_length_of_the_peer_is_kept_to(longest: str) -> None:
    study = study_of("ct", "pdu length", 3)

    with storescp(["+B", "-pdu", longest, "+xa"]) as peer:
        sent = store_all(Target("127.0.0.1", peer.port, peer.ae_title), study)
        stored = [dcmread(BytesIO(file.read_bytes())) for file in peer.files()]

    originals = {one.sop_instance_uid: b"".join(map(bytes, one.buffers)) for one in study.instances()}
    assert {one.SOPInstanceUID for one in stored} == set(sent)
    for one in stored:
        assert originals[one.SOPInstanceUID].endswith(one.PixelData)


UNDER_GEVENT = """
import sys
from gevent import monkey
monkey.patch_all()
import gevent
from datetime import UTC, datetime
from loadtests.campaigns.work import PROFILES
from loadtests.engine.scu import Scu, Target
from loadtests.profiles.study import Study
profile, target = PROFILES["ct"](seed=1), Target("127.0.0.1", int(sys.argv[1]), sys.argv[2])
def store(number):
    study = Study(profile, "under gevent", number, 5, datetime.now(UTC))
    first = next(study.instances())
    with Scu(target, [(first.sop_class_uid, [first.transfer_syntax])]) as scu:
        for one in study.instances():
            assert scu.store(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax, one.buffers).status == 0
gevent.joinall([gevent.spawn(store, number) for number in range(8)], raise_error=True)
"""


def test_it_works_under_gevent_too(archive: Orthanc) -> None:
    before = archive.get("/statistics")["CountInstances"]

    command = [sys.executable, "-c", UNDER_GEVENT, str(archive.dicom_port), archive.ae_title]
    subprocess.run(command, check=True, timeout=60, cwd=Path(__file__).parents[3])

    assert archive.get("/statistics")["CountInstances"] == before + 40


# What peers do wrong


@pytest.fixture(scope="module")
def instance() -> Instance:
    return next(study_of("ct", "wayward", 1).instances())


def store_one(port: int, one: Instance, answer_timeout: float = 30.0) -> None:
    target = Target("127.0.0.1", port, "WAYWARD", answer_timeout=answer_timeout)
    with Scu(target, [(one.sop_class_uid, [one.transfer_syntax])]) as scu:
        scu.store(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax, one.buffers)


@pytest.mark.parametrize(
    ("behaviour", "error", "kind"),
    [
        (wayward_scp.aborts, errors.AbortedError, "aborted by service-provider: not-specified"),
        (wayward_scp.closes, errors.LostError, "connection lost"),
        (wayward_scp.answers_another, errors.NonsenseError, "protocol violated by the peer"),
        (wayward_scp.sends_garbage, errors.NonsenseError, "protocol violated by the peer"),
        (wayward_scp.runs_full, errors.StatusError, "status 0xA700"),
    ],
)
def test_each_misbehaviour_has_its_own_error(
    instance: Instance, behaviour: wayward_scp.Behaviour, error: type[errors.ScuError], kind: str
) -> None:
    with wayward_scp.wayward_scp(lambda _: behaviour) as peer, pytest.raises(error) as failed:
        store_one(peer.port, instance)

    assert failed.value.kind == kind
    assert isinstance(failed.value, errors.NoAnswerError) is (error is not errors.StatusError)


def test_a_peer_that_never_answers_is_timed_out(instance: Instance) -> None:
    with wayward_scp.wayward_scp(lambda _: wayward_scp.never_answers) as peer:
        begun = time.monotonic()
        with pytest.raises(errors.TimedOutError, match=r"C-STORE: no answer within 0\.3 s"):
            store_one(peer.port, instance, answer_timeout=0.3)

        assert 0.3 <= time.monotonic() - begun < 10


def test_a_rejection_is_in_the_standards_words(instance: Instance) -> None:
    busy = AssociateReject(2, 3, 1)
    with (
        wayward_scp.wayward_scp(lambda _: wayward_scp.stores, reject=busy) as peer,
        pytest.raises(errors.RejectedError) as failed,
    ):
        store_one(peer.port, instance)

    assert failed.value.kind == (
        "association rejected: rejected-transient by service-provider-presentation: temporary-congestion"
    )


def test_a_sop_class_that_the_peer_does_not_take_is_said_before_anything_is_sent(instance: Instance) -> None:
    with storescp() as peer:  # it takes the transfer syntaxes of uncompressed images only
        target = Target("127.0.0.1", peer.port, peer.ae_title)
        video = "1.2.840.10008.1.2.4.102"
        with Scu(target, [(instance.sop_class_uid, [video]), (uids.VERIFICATION, IMPLICIT)]) as scu:
            with pytest.raises(errors.ContextError, match="accepted no presentation context"):
                scu.store(instance.sop_class_uid, instance.sop_instance_uid, video, instance.buffers)
            assert scu.echo().status == 0


def test_a_port_where_nobody_listens_is_refused(instance: Instance) -> None:
    with wayward_scp.wayward_scp(lambda _: wayward_scp.stores) as peer:
        port = peer.port

    with pytest.raises(errors.ConnectError) as failed:
        store_one(port, instance)

    assert failed.value.kind == "connection refused"
