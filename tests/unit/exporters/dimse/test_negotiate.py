"""Which contexts an acceptor accepts."""

from exporters.dimse import negotiate
from exporters.dimse.association import propose
from exporters.dimse.items import RoleSelection, UserInformation
from exporters.dimse.pdu import AssociateRequest

IMPLICIT, EXPLICIT, JPEG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.50"
CONTEXTS = propose([("1.2.3", [IMPLICIT, EXPLICIT, JPEG]), ("1.2.4", [JPEG]), ("1.2.5", [IMPLICIT])])
REQUEST = AssociateRequest("HERE", "THERE", CONTEXTS, UserInformation(roles=(RoleSelection("1.2.5", True, True),)))


def accepted(answer: negotiate.AssociateAccept) -> dict[int, str]:
    return {one.id: one.transfer_syntax for one in answer.contexts if one.accepted}


def test_whatever_is_proposed_can_be_accepted() -> None:
    answer = negotiate.answer(REQUEST, None)

    assert accepted(answer) == {1: IMPLICIT, 3: JPEG, 5: IMPLICIT}
    assert answer.user.roles == REQUEST.user.roles


def test_what_is_preferred_comes_before_what_was_proposed_first() -> None:
    assert accepted(negotiate.answer(REQUEST, None, preferred=[JPEG, EXPLICIT])) == {1: JPEG, 3: JPEG, 5: IMPLICIT}


def test_what_is_preferred_and_not_supported_is_not_accepted() -> None:
    answer = negotiate.answer(REQUEST, {"1.2.3": [IMPLICIT, EXPLICIT], "1.2.4": [IMPLICIT]}, preferred=[JPEG, EXPLICIT])

    assert accepted(answer) == {1: EXPLICIT}
    assert [one.result for one in answer.contexts] == [0, 4, 3]
    assert answer.user.roles == ()
