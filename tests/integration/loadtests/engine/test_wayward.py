"""What peers do wrong: each misbehaviour has an error of its own, with and without gevent."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporters.dimse import command
from exporters.dimse.message import Message
from exporters.dimse.pdu import AssociateReject
from loadtests.engine import errors
from loadtests.engine.scu import Scu, Target
from tests.integration.loadtests.engine.images import CT, EXPLICIT, Image, images
from tests.peers import wayward_scp
from tests.peers.wayward_scp import Behaviour, Peer

STORE = [(CT, [EXPLICIT])]


@pytest.fixture(scope="module")
def image() -> Image:
    return images(1)[0]


def store(scu: Scu, image: Image) -> int:
    return scu.store(image.sop_class_uid, image.sop_instance_uid, image.transfer_syntax, image.buffers).status


def store_one(port: int, image: Image, answer_timeout: float = 30.0) -> None:
    with Scu(Target("127.0.0.1", port, "WAYWARD", answer_timeout=answer_timeout), STORE) as scu:
        store(scu, image)


MISBEHAVIOURS = {
    "aborts": (errors.AbortedError, "aborted by service-provider: not-specified"),
    "closes": (errors.LostError, "connection lost"),
    "closes_within_an_answer": (errors.CutError, "connection lost within an answer"),
    "answers_another": (errors.AnsweredAnotherError, "answered another message"),
    "sends_garbage": (errors.NonsenseError, "protocol violated by the peer"),
    "runs_full": (errors.StatusError, "status 0xA700"),
}


@pytest.mark.parametrize("behaviour", MISBEHAVIOURS)
@pytest.mark.parametrize("before", [0, 3])
def test_each_misbehaviour_has_its_own_error(image: Image, behaviour: str, before: int) -> None:
    """At once, and after stores that went well, whose like is then expected."""
    error, kind = MISBEHAVIOURS[behaviour]

    def behave(number: int) -> Behaviour:
        does: Behaviour = wayward_scp.stores if number < before else getattr(wayward_scp, behaviour)
        return does

    with wayward_scp.wayward_scp(behave) as peer:
        scu = Scu(Target("127.0.0.1", peer.port, "WAYWARD"), STORE)
        for _ in range(before):
            assert store(scu, image) == 0
        with pytest.raises(error) as failed:
            store(scu, image)
        scu.abort()

    assert type(failed.value) is error
    assert failed.value.kind == kind
    assert isinstance(failed.value, errors.NoAnswerError) is (error is not errors.StatusError)


@pytest.mark.parametrize("before", [0, 3])
def test_a_second_answer_is_noticed_by_the_next_operation(image: Image, before: int) -> None:
    behaves = wayward_scp.answers_twice

    with wayward_scp.wayward_scp(lambda n: behaves if n == before else wayward_scp.stores) as peer:
        scu = Scu(Target("127.0.0.1", peer.port, "WAYWARD"), STORE)
        assert [store(scu, image) for _ in range(before + 1)] == [0] * (before + 1)
        with pytest.raises(
            errors.AnsweredTwiceError, match=f"message {before + 1} is answered a second time"
        ) as failed:
            store(scu, image)

    assert failed.value.kind == "answered twice"


def test_a_second_answer_is_noticed_by_the_release(image: Image) -> None:
    with wayward_scp.wayward_scp(lambda _: wayward_scp.answers_twice) as peer:
        scu = Scu(Target("127.0.0.1", peer.port, "WAYWARD"), STORE)
        assert store(scu, image) == 0
        with pytest.raises(errors.AnsweredTwiceError):
            scu.release()


def test_a_peer_that_never_answers_is_timed_out(image: Image) -> None:
    with wayward_scp.wayward_scp(lambda _: wayward_scp.never_answers) as peer:
        begun = time.monotonic()
        with pytest.raises(errors.TimedOutError, match=r"C-STORE: no answer within 0\.3 s") as failed:
            store_one(peer.port, image, answer_timeout=0.3)

        assert 0.3 <= time.monotonic() - begun < 10
    assert failed.value.kind == "timed out"


def test_an_answer_after_the_time_out_is_timed_out_and_one_before_it_is_in_time(image: Image) -> None:
    with wayward_scp.wayward_scp(lambda _: wayward_scp.answers_late(0.5)) as peer:
        with pytest.raises(errors.TimedOutError):
            store_one(peer.port, image, answer_timeout=0.2)
        with Scu(Target("127.0.0.1", peer.port, "WAYWARD"), STORE) as scu:
            answer = scu.store(CT, image.sop_instance_uid, EXPLICIT, image.buffers)

    assert 0.5 <= answer.seconds < 20
    assert answer.request_seconds < answer.seconds


def test_an_answer_that_trickles_is_timed_out_as_a_whole(image: Image) -> None:
    def trickles(peer: Peer, message: Message) -> None:
        answer = b"".join(peer.association.message(message.context_id, command.response(message.command, 0)))
        for byte in answer[:100]:
            if peer.ended.wait(0.05):
                return
            peer.connection.sendall(bytes([byte]))

    with wayward_scp.wayward_scp(lambda _: trickles) as peer:
        begun = time.monotonic()
        with pytest.raises(errors.TimedOutError):
            store_one(peer.port, image, answer_timeout=0.4)

        assert 0.4 <= time.monotonic() - begun < 3  # the whole answer would take 5


def test_answers_to_a_window_of_operations_may_come_in_any_order() -> None:
    sent, held = images(12, 10240), list[Message]()

    def backwards(peer: Peer, message: Message) -> None:
        held.append(message)
        if len(held) == 4:
            while held:
                peer.respond(held.pop(), 0xB000 if len(held) == 2 else 0)

    with (
        wayward_scp.wayward_scp(lambda _: backwards, window=4) as peer,
        Scu(Target("127.0.0.1", peer.port, "WAYWARD", window=4), STORE) as scu,
    ):
        assert scu.window == 4
        done = list(scu.store_many(sent))

    order = [one.instance.sop_instance_uid for one in done]
    assert sorted(order) == sorted(image.sop_instance_uid for image in sent)
    assert order != [image.sop_instance_uid for image in sent]
    assert [one.status for one in done].count(0xB000) == 3
    assert all(one.started < one.ended and one.error is None for one in done)


def test_a_refusal_within_a_window_does_not_end_the_others() -> None:
    sent = images(9, 10240)
    full = {4: wayward_scp.runs_full}

    with (
        wayward_scp.wayward_scp(lambda number: full.get(number, wayward_scp.stores), window=3) as peer,
        Scu(Target("127.0.0.1", peer.port, "WAYWARD", window=3), STORE) as scu,
    ):
        done = list(scu.store_many(sent))

    refused = [one for one in done if one.error]
    assert len(done) == 9
    assert [one.instance for one in refused] == [sent[4]]
    assert refused[0].error is not None
    assert refused[0].error.kind == "status 0xA700"


def test_what_a_lost_association_leaves_of_a_window_was_taken_and_not_answered() -> None:
    sent, taken, answered = images(9, 10240), list[Image](), list[Image]()

    def instances() -> Iterator[Image]:
        for image in sent:
            taken.append(image)
            yield image

    ends = {4: wayward_scp.aborts}
    with wayward_scp.wayward_scp(lambda number: ends.get(number, wayward_scp.stores), window=3) as peer:
        scu = Scu(Target("127.0.0.1", peer.port, "WAYWARD", window=3), STORE)
        with pytest.raises(errors.NoAnswerError):
            answered.extend(one.instance for one in scu.store_many(instances()))

    assert answered == sent[: len(answered)]
    assert len(answered) <= 4
    assert 5 <= len(taken) <= len(answered) + 3


def test_a_rejection_is_in_the_standards_words(image: Image) -> None:
    busy = AssociateReject(2, 3, 1)
    with (
        wayward_scp.wayward_scp(lambda _: wayward_scp.stores, reject=busy) as peer,
        pytest.raises(errors.RejectedError) as failed,
    ):
        store_one(peer.port, image)

    assert failed.value.kind == (
        "association rejected: rejected-transient by service-provider-presentation: temporary-congestion"
    )


def test_a_port_where_nobody_listens_is_refused(image: Image) -> None:
    with wayward_scp.wayward_scp(lambda _: wayward_scp.stores) as peer:
        port = peer.port

    with pytest.raises(errors.ConnectError) as failed:
        store_one(port, image)

    assert failed.value.kind == "connection refused"


def test_a_name_that_nobody_has_is_said(image: Image) -> None:
    with pytest.raises(errors.ConnectError) as failed:
        Scu(Target("nobody.invalid", 104, "WAYWARD"), STORE)

    assert failed.value.kind == "no such host"


UNDER_GEVENT = """
from gevent import monkey
monkey.patch_all()
import time
from loadtests.engine import errors
from loadtests.engine.scu import Scu, Target
from tests.integration.loadtests.engine.images import images
from tests.integration.loadtests.engine.test_wayward import MISBEHAVIOURS, STORE, store
from tests.peers import wayward_scp

(image,) = images(1)
for behaviour, (error, kind) in MISBEHAVIOURS.items():
    with wayward_scp.wayward_scp(lambda n: wayward_scp.stores if n < 2 else getattr(wayward_scp, behaviour)) as peer:
        scu = Scu(Target("127.0.0.1", peer.port, "WAYWARD"), STORE)
        assert [store(scu, image) for _ in range(2)] == [0, 0]
        try:
            store(scu, image)
        except errors.ScuError as failed:
            assert type(failed) is error and failed.kind == kind, (behaviour, failed)
        else:
            raise AssertionError(behaviour)
        scu.abort()
with wayward_scp.wayward_scp(lambda n: wayward_scp.stores if n < 2 else wayward_scp.never_answers) as peer:
    scu = Scu(Target("127.0.0.1", peer.port, "WAYWARD", answer_timeout=0.5), STORE)
    for _ in range(2):
        store(scu, image)
        time.sleep(0.2)  # the timer of the first wait must not end the third
    begun = time.monotonic()
    try:
        store(scu, image)
    except errors.TimedOutError:
        assert 0.5 <= time.monotonic() - begun < 10, time.monotonic() - begun
    else:
        raise AssertionError("no time-out")
print("all of them")
"""


def test_under_gevent_the_errors_and_time_outs_are_the_same() -> None:
    command = [sys.executable, "-c", UNDER_GEVENT]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=Path(__file__).parents[4], check=False
    )

    assert ran.stdout == "all of them\n", ran.stderr
