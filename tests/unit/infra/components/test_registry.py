"""The archive's registry."""

import pytest

from infra.components.archive import orthanc_modalities
from infra.components.network import Peer
from infra.components.registry import OwnEntity, called
from infra.settings import Modality, Right

ALLOWED = {
    Right.ECHO: "AllowEcho",
    Right.STORE: "AllowStore",
    Right.FIND: "AllowFind",
    Right.GET: "AllowGet",
    Right.MOVE: "AllowMove",
    Right.COMMITMENT: "AllowStorageCommitment",
}
CALLED = {Right.DESTINATION, Right.COMMITMENT}


def modality(*rights: Right) -> Modality:
    return Modality(ae_title="CT1", host="10.30.1.17", port=4006, rights=frozenset(rights))


@pytest.mark.parametrize("right", Right)
def test_a_right_grants_itself_and_nothing_else(right: Right) -> None:
    (entry,) = orthanc_modalities([modality(right)]).values()
    granted = {key for key, value in entry.items() if key.startswith("Allow") and value}
    assert granted == ({ALLOWED[right]} if right in ALLOWED else set())


@pytest.mark.parametrize("right", Right)
def test_the_archive_may_call_who_is_sent_images_or_reports(right: Right) -> None:
    assert called([modality(right)]) == ([Peer([4006], cidrs=["10.30.1.17/32"])] if right in CALLED else [])


def test_an_entity_of_the_environment_is_called_by_its_app() -> None:
    own = OwnEntity(ae_title="OWN", host="own.ns.svc.cluster.local", rights=frozenset({Right.COMMITMENT}), app="own")
    assert called([own]) == [Peer([104], apps=["own"])]
