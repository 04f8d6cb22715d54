"""The PDUs against themselves and against pynetdicom's encoder and decoder."""

import pytest
from hypothesis import given
from pynetdicom import pdu as peer

from exporters.dimse.errors import DimseError, ProtocolError, UsageError
from exporters.dimse.items import ContextAnswer, ProposedContext, UserIdentity, UserInformation, item
from exporters.dimse.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ControlPdu,
    ReleaseReply,
    ReleaseRequest,
    decode_control,
    encode_ae_title,
)
from tests.unit.exporters.dimse import strategies

USER = UserInformation().encode()
PEERS = {
    AssociateRequest: peer.A_ASSOCIATE_RQ,
    AssociateAccept: peer.A_ASSOCIATE_AC,
    AssociateReject: peer.A_ASSOCIATE_RJ,
    ReleaseRequest: peer.A_RELEASE_RQ,
    ReleaseReply: peer.A_RELEASE_RP,
    Abort: peer.A_ABORT_RQ,
}


@given(strategies.controls)
def test_a_pdu_comes_back_from_its_bytes(pdu: ControlPdu) -> None:
    encoded = pdu.encode()

    assert decode_control(encoded[0], encoded[6:]) == pdu


@given(strategies.controls)
def test_pynetdicom_reads_every_pdu_and_writes_the_same_bytes(pdu: ControlPdu) -> None:
    encoded = pdu.encode()
    theirs = PEERS[type(pdu)]()
    theirs.decode(encoded)

    again = theirs.encode()

    # pynetdicom sets the reserved last byte of an abort by the user; the items' order and bytes are compared as PDUs
    assert decode_control(again[0], again[6:]) == pdu


def test_pynetdicom_sees_the_values_that_were_meant() -> None:
    user = UserInformation(
        max_length=28672, async_window=(3, 0), identity=UserIdentity(2, b"name", b"passcode", response_requested=True)
    )
    proposed = ProposedContext(7, "1.2.840.10008.1.1", ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1"))
    theirs = peer.A_ASSOCIATE_RQ()

    theirs.decode(AssociateRequest("ARCHIVE", "PROBE", (proposed,), user).encode())

    assert (theirs.called_ae_title, theirs.calling_ae_title) == ("ARCHIVE", "PROBE")
    assert theirs.application_context_name == "1.2.840.10008.3.1.1.1"
    (context,) = theirs.presentation_context
    assert (context.context_id, context.abstract_syntax) == (7, "1.2.840.10008.1.1")
    assert context.transfer_syntax == ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]
    assert theirs.user_information.maximum_length == 28672
    window = theirs.user_information.async_ops_window
    assert (window.maximum_number_operations_invoked, window.maximum_number_operations_performed) == (3, 0)
    identity = theirs.user_information.user_identity
    assert (identity.primary_field, identity.secondary_field) == (b"name", b"passcode")


def test_an_item_of_an_unknown_type_is_skipped() -> None:
    user = UserInformation(max_length=4096)
    encoded_user = user.encode()[4:]

    assert UserInformation.decode(item(0x7F, b"what") + encoded_user + item(0x5F, b"ever")) == user


def test_a_refused_context_needs_no_transfer_syntax() -> None:
    assert ContextAnswer.decode(bytes((5, 0, 3, 0))) == ContextAnswer(5, 3)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (bytes(67), "an A-ASSOCIATE PDU of 67 bytes is shorter than its fixed part"),
        (bytes(68), "an A-ASSOCIATE PDU has no user information item"),
        (bytes(68) + b"\x50", "1 bytes are left over after the last item"),
        (bytes(68) + b"\x50\0\xff\xff", "item 0x50 announces 65535 bytes where 0 are left"),
        (bytes(68) + USER + item(0x20, b"\2\0\0\0"), "presentation context id 2 is even"),
        (bytes(68) + USER + item(0x20, b"\1\0\0\0"), "presentation context 1 lacks its abstract or transfer syntax"),
        (bytes(68) + USER + item(0x20, b"\1\0\0\0" + item(0x30, b"\xff")), "a UID has bytes outside ASCII"),
        (bytes(68) + item(0x50, item(0x51, b"\0\0\1")), "a sub-item ends 1 bytes early"),
    ],
)
def test_a_malformed_request_is_refused_in_words(body: bytes, said: str) -> None:
    with pytest.raises(ProtocolError, match=f"^{said}$"):
        AssociateRequest.decode(body)


@pytest.mark.parametrize("title", ["", " ", "SEVENTEEN_LETTERS", "BACK\\SLASH", "TAB\t", "ÄRZTE"])
def test_an_ae_title_that_the_standard_forbids_is_refused(title: str) -> None:
    with pytest.raises(UsageError, match="is no AE title"):
        encode_ae_title(title)


@pytest.mark.parametrize(
    "make",
    [
        lambda: AssociateRequest("A", "B", (ProposedContext(2, "1.2", ("1.2",)),)).encode(),
        lambda: AssociateRequest("A", "B", (ProposedContext(1, "1.2", ("1.2",)),) * 2).encode(),
        lambda: AssociateRequest("A", "B", (ProposedContext(1, "1..2", ("1.2",)),)).encode(),
        lambda: item(0x58, bytes(70_000)),
    ],
)
def test_what_the_standard_forbids_is_not_sent(make: object) -> None:
    with pytest.raises(UsageError):
        make()  # type: ignore[operator]  # a list of lambdas has no common type


def test_a_passcode_is_not_shown() -> None:
    shown = repr(UserInformation(identity=UserIdentity(2, b"somebody", b"hunter2"), identity_response=b"ticket"))

    assert "hunter2" not in shown
    assert "somebody" not in shown
    assert "ticket" not in shown


@pytest.mark.parametrize(
    ("pdu", "said"),
    [
        (AssociateReject(1, 1, 7), "rejected-permanent by service-user: called-AE-title-not-recognized"),
        (AssociateReject(2, 3, 2), "rejected-transient by service-provider-presentation: local-limit-exceeded"),
        (AssociateReject(9, 9, 9), "reserved by reserved: reserved"),
        (Abort(0, 6), "aborted by service-user"),
        (Abort(2, 6), "aborted by service-provider: invalid-pdu-parameter-value"),
    ],
)
def test_refusals_are_said_in_the_standards_words(pdu: AssociateReject | Abort, said: str) -> None:
    assert str(pdu) == said


def test_pynetdicom_agrees_on_every_reject_reason() -> None:
    for result in (1, 2):
        for source, reason in ((1, 1), (1, 2), (1, 3), (1, 7), (2, 1), (2, 2), (3, 1), (3, 2)):
            theirs = peer.A_ASSOCIATE_RJ()
            theirs.decode(AssociateReject(result, source, reason).encode())
            said = str(AssociateReject(result, source, reason)).split(": ")[1]
            theirs_said = theirs.reason_str.lower().replace("recognised", "recognized").replace(" ", "-")
            assert theirs_said == said.lower()


def test_every_error_of_the_codec_has_one_base() -> None:
    assert issubclass(ProtocolError, DimseError)
    assert issubclass(UsageError, DimseError)
