"""Two associations that talk to each other, byte for byte."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.dimse import command as commands
from exporters.dimse import negotiate, uids
from exporters.dimse.association import Association, Context, Event, State, propose
from exporters.dimse.errors import NoContextError, ProtocolError, UsageError
from exporters.dimse.items import ContextAnswer, RoleSelection, UserInformation
from exporters.dimse.message import Message
from exporters.dimse.pdu import Abort, AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply, ReleaseRequest
from exporters.dimse.reasons import AbortReason
from tests.unit.exporters.dimse import strategies

CT = "1.2.840.10008.5.1.4.1.1.2"
SUPPORTED = {uids.VERIFICATION: [uids.IMPLICIT_VR_LITTLE_ENDIAN], CT: [uids.EXPLICIT_VR_LITTLE_ENDIAN]}
REQUEST = AssociateRequest(
    "ARCHIVE",
    "SCANNER",
    propose(
        [
            (uids.VERIFICATION, [uids.IMPLICIT_VR_LITTLE_ENDIAN]),
            (CT, ["1.2.840.10008.1.2.4.50", uids.EXPLICIT_VR_LITTLE_ENDIAN]),
            (CT, ["1.2.840.10008.1.2.4.50"]),
            ("1.2.3.4", [uids.IMPLICIT_VR_LITTLE_ENDIAN]),
        ]
    ),
    UserInformation(max_length=16384, roles=(RoleSelection(CT, scu=False, scp=True),)),
)


def said(association: Association, data: bytes) -> Event:
    association.feed(data)
    event = association.next_event()
    assert event is not None
    return event


def pair(accept: UserInformation | None = None) -> tuple[Association, Association]:
    scu, scp = Association.requestor(REQUEST), Association.acceptor()
    assert said(scp, scu.open()) == REQUEST
    assert isinstance(said(scu, scp.accept_with(negotiate.answer(REQUEST, SUPPORTED, user=accept))), AssociateAccept)
    return scu, scp


def test_contexts_lengths_and_roles_are_the_negotiated_ones_on_both_sides() -> None:
    scu, scp = pair(UserInformation(max_length=0))

    assert scu.contexts == scp.contexts
    assert [context.id for context in scu.contexts.values()] == [1, 3]
    ct = scu.context_for(CT)
    assert (ct.transfer_syntax, ct.requestor_is_scu, ct.requestor_is_scp) == (
        uids.EXPLICIT_VR_LITTLE_ENDIAN,
        False,
        True,
    )
    assert scu.peer_max_length == 1 << 20
    assert scp.peer_max_length == 16384
    assert scp.request is not None
    with pytest.raises(NoContextError, match=r"no presentation context for 1\.2\.3\.4$"):
        scu.context_for("1.2.3.4")
    with pytest.raises(NoContextError, match=r"in transfer syntax 1\.2\.840\.10008\.1\.2$"):
        scu.context_for(CT, uids.IMPLICIT_VR_LITTLE_ENDIAN)


def test_requests_and_responses_go_both_ways() -> None:
    scu, scp = pair()
    data = bytes(range(256)) * 300

    got = said(scp, b"".join(scu.storing(scu.contexts[3]).request(1, "1.2.3", [data])))

    assert isinstance(got, Message)
    assert got.command == commands.store_request(1, CT, "1.2.3")
    assert got.data_set == bytearray(data)
    answer = commands.response(got.command, 0xA700)
    back = said(scu, b"".join(scp.message(3, answer)))
    assert isinstance(back, Message)
    assert back.command == answer
    assert scu.next_event() is None


def test_message_ids_begin_again_after_65535() -> None:
    scu, _ = pair()

    ids = [scu.next_message_id() for _ in range(65537)]

    assert ids == [*range(1, 65536), 1, 2]


def test_a_release_closes_both_sides() -> None:
    scu, scp = pair()

    assert isinstance(said(scp, scu.release()), ReleaseRequest)
    scp.message(1, commands.response(commands.echo_request(1), 0))  # the asked side may still answer
    with pytest.raises(UsageError, match="no message can be sent: RELEASING"):
        scu.message(1, commands.echo_request(1))
    assert isinstance(said(scu, scp.release_reply()), ReleaseReply)
    assert scu.state is scp.state is State.CLOSED


def test_a_response_after_the_release_was_asked_is_received() -> None:
    scu, scp = pair()
    scu.release()

    assert isinstance(said(scu, b"".join(scp.message(1, commands.response(commands.echo_request(1), 0)))), Message)


def test_a_release_collision_ends_in_the_order_of_the_standard() -> None:
    scu, scp = pair()
    from_scu, from_scp = scu.release(), scp.release()

    scp.feed(from_scu)
    assert scp.next_event() is None  # Sta10: the acceptor awaits the reply to its own request first
    assert isinstance(said(scu, from_scp), ReleaseRequest)
    assert isinstance(said(scp, scu.release_reply()), ReleaseRequest)
    assert isinstance(said(scu, scp.release_reply()), ReleaseReply)
    assert scu.state is scp.state is State.CLOSED


def test_a_rejection_is_an_event_and_the_end() -> None:
    scu, scp = Association.requestor(REQUEST), Association.acceptor()
    said(scp, scu.open())

    assert said(scu, scp.reject_with(AssociateReject(1, 1, 7))) == AssociateReject(1, 1, 7)
    assert scu.state is scp.state is State.CLOSED


@pytest.mark.parametrize("because", [None, ProtocolError("?", AbortReason.UNEXPECTED_PDU)])
def test_an_abort_is_an_event_at_any_time(because: ProtocolError | None) -> None:
    expected = Abort(2, AbortReason.UNEXPECTED_PDU) if because else Abort(0, 0)
    asked = Association.requestor(REQUEST)
    asked.open()
    for association in (asked, *pair()):
        assert said(association, Association.acceptor().abort(because)) == expected
        assert association.state is State.CLOSED


@pytest.mark.parametrize("pdu", [REQUEST, AssociateAccept("A", "B", ()), AssociateReject(1, 1, 1), ReleaseReply()])
def test_a_pdu_out_of_its_time_is_refused(
    pdu: AssociateRequest | AssociateAccept | AssociateReject | ReleaseReply,
) -> None:
    for association in pair():
        association.feed(pdu.encode())
        with pytest.raises(ProtocolError, match="is unexpected: ESTABLISHED") as raised:
            association.next_event()
        assert raised.value.abort_reason is AbortReason.UNEXPECTED_PDU


def test_data_before_the_association_is_refused() -> None:
    association = Association.requestor(REQUEST)
    association.open()
    association.feed(b"".join(pair()[1].message(1, commands.response(commands.echo_request(1), 0))))

    with pytest.raises(ProtocolError, match="P-DATA is unexpected: REQUESTED"):
        association.next_event()


def test_data_on_a_context_that_was_not_accepted_is_refused() -> None:
    scu, _ = pair()
    scu.feed(b"\x04\0\0\0\0\x06\0\0\0\2\x07\3")

    with pytest.raises(ProtocolError, match="presentation context 7, which is not accepted"):
        scu.next_event()
    with pytest.raises(NoContextError, match="presentation context 7 is not accepted"):
        scu.message(7, commands.echo_request(1))


def test_a_pdu_longer_than_announced_is_refused_by_both_sides() -> None:
    for association, own in zip(pair(UserInformation(max_length=4096)), (16384, 4096), strict=True):
        association.feed(b"\x04\0" + (own + 1).to_bytes(4))
        with pytest.raises(ProtocolError, match=f"of {own + 1} bytes, where {own} were agreed"):
            association.next_event()


def test_a_release_within_a_message_is_refused() -> None:
    scu, scp = pair()
    scp.feed(b"".join(scu.message(3, commands.store_request(1, CT, "1.2.3"), b"")[:2]) + ReleaseRequest().encode())

    with pytest.raises(ProtocolError, match="a release is asked within a message"):
        scp.next_event()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (AssociateAccept("A", "B", (ContextAnswer(1, 0, "1.2.3"),)), "in a transfer syntax that was not proposed"),
        (AssociateAccept("A", "B", (), UserInformation(max_length=7)), "maximum PDU length of 7 bytes leaves no room"),
    ],
)
def test_an_acceptance_that_makes_no_sense_is_refused(answer: AssociateAccept, error: str) -> None:
    association = Association.requestor(REQUEST)
    association.open()
    association.feed(answer.encode())

    with pytest.raises(ProtocolError, match=error):
        association.next_event()


def test_contexts_that_were_not_proposed_are_not_accepted() -> None:
    association = Association.requestor(REQUEST)
    association.open()

    said(association, AssociateAccept("A", "B", (ContextAnswer(99, 0), ContextAnswer(1, 0))).encode())

    assert list(association.contexts) == [1]


def test_the_limit_of_a_data_set_holds() -> None:
    scp = Association.acceptor(max_data_set=1000)
    scu = Association.requestor(REQUEST)
    said(scp, scu.open())
    said(scu, scp.accept_with(negotiate.answer(REQUEST, SUPPORTED)))
    scp.feed(b"".join(scu.storing(scu.contexts[3]).request(1, "1.2.3", [bytes(1001)])))

    with pytest.raises(ProtocolError, match="passes the limit of 1000 bytes"):
        scp.next_event()


def test_what_the_state_does_not_allow_is_not_sent() -> None:
    scu, scp = Association.requestor(REQUEST), Association.acceptor()

    for forbidden in (
        scp.open,
        scu.release,
        scp.release_reply,
        lambda: scu.reject_with(AssociateReject(1, 1, 1)),
        lambda: scu.storing(Context(1, CT, "1.2")),
        lambda: propose([("1.2.3", ["1.2"])] * 129),
    ):
        with pytest.raises(UsageError):
            forbidden()
    scu.open()
    with pytest.raises(UsageError, match="needs IDLE: REQUESTED"):
        scu.open()
    with pytest.raises(UsageError, match="only the acceptor answers"):
        scu.reject_with(AssociateReject(1, 1, 1))


@given(st.lists(strategies.controls.map(lambda pdu: pdu.encode()) | st.binary(max_size=60), max_size=5))
def test_whatever_a_peer_sends_raises_nothing_but_a_protocol_error(parts: list[bytes]) -> None:
    asked, waiting = Association.requestor(REQUEST), Association.acceptor()
    asked.open()
    for association in (asked, waiting, *pair()):
        association.feed(b"".join(parts))
        with suppress(ProtocolError):
            while (event := association.next_event()) is not None:
                if isinstance(event, AssociateRequest):
                    association.accept_with(negotiate.answer(event, SUPPORTED))
                elif isinstance(event, ReleaseRequest):
                    association.release_reply()


@pytest.mark.parametrize("title", [b" " * 16, b"BACK\\SLASH      ", b"\xff" * 16])
def test_an_ae_title_that_is_none_can_be_answered(title: bytes) -> None:
    scp = Association.acceptor()
    sent = Association.requestor(REQUEST).open().replace(b"SCANNER         ", title)

    event = said(scp, sent)

    assert isinstance(event, AssociateRequest)
    assert title in scp.accept_with(negotiate.answer(event, SUPPORTED))


def test_a_command_that_denies_its_data_set_is_not_sent() -> None:
    scu, _ = pair()

    with pytest.raises(UsageError, match="has_data_set"):
        scu.message(1, replace(commands.echo_request(1), has_data_set=True))
