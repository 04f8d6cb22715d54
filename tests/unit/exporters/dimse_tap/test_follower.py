"""The follower tells the same story of an association however its bytes are cut, and gives up in words."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.dimse import command, uids
from exporters.dimse.command import Command
from exporters.dimse.items import ContextAnswer, ProposedContext
from exporters.dimse.message import fragments
from exporters.dimse.pdu import Abort, AssociateAccept, AssociateReject, AssociateRequest, ReleaseReply, ReleaseRequest
from exporters.dimse_tap.follower import FROM_ARCHIVE, TO_ARCHIVE, Follower
from exporters.dimse_tap.labels import AeTitles

CT = "1.2.840.10008.5.1.4.1.1.2"
REQUEST = AssociateRequest(
    "VNAOPS",
    "CT1",
    (
        ProposedContext(1, CT, (uids.EXPLICIT_VR_LITTLE_ENDIAN,)),
        ProposedContext(3, uids.STUDY_ROOT_FIND, (uids.IMPLICIT_VR_LITTLE_ENDIAN,)),
    ),
).encode()
ACCEPT = AssociateAccept(
    "VNAOPS",
    "CT1",
    (ContextAnswer(1, 0, uids.EXPLICIT_VR_LITTLE_ENDIAN), ContextAnswer(3, 0, uids.IMPLICIT_VR_LITTLE_ENDIAN)),
).encode()


def message(context: int, what: Command, data: bytes = b"", longest: int = 64) -> bytes:
    parts = list(fragments(context, [what.encode()], longest, is_command=True))
    if what.has_data_set:
        parts += fragments(context, [data], longest, is_command=False)
    return b"".join(parts)


class Story:
    """Records what the follower says, without times."""

    def __init__(self) -> None:
        self.told: list[tuple[object, ...]] = []
        self.seconds: list[float] = []

    def associated(self, called: str, calling: str, result: str, seconds: float) -> None:
        self.told.append(("associated", called, calling, result))

    def heard(self, calling: str) -> None:
        pass

    def rejected(self, pdu: AssociateReject) -> None:
        self.told.append(("rejected", str(pdu)))

    def aborted(self, pdu: Abort) -> None:
        self.told.append(("aborted", str(pdu)))

    def operation(self, name: str, called: str, calling: str, group: str, syntax: str, status: int, s: float) -> None:
        self.told.append(("operation", name, called, calling, group, syntax, status))
        self.seconds.append(s)

    def response(self, name: str, called: str, calling: str, first: bool, seconds: float) -> None:
        self.told.append(("response", name, first))
        self.seconds.append(seconds)

    def instance(self, direction: str, calling: str) -> None:
        self.told.append(("instance", direction, calling))

    def unparsed(self, reason: str) -> None:
        self.told.append(("unparsed", reason))

    def waited(self, who: str, seconds: float) -> None:
        pass


STORE = command.store_request(7, CT, "1.2.3")
FIND = command.find_request(9, uids.STUDY_ROOT_FIND)
CONVERSATION = [
    (TO_ARCHIVE, REQUEST),
    (FROM_ARCHIVE, ACCEPT),
    (TO_ARCHIVE, message(1, STORE, bytes(500))),
    (FROM_ARCHIVE, message(1, command.response(STORE, 0))),
    (TO_ARCHIVE, message(3, FIND, bytes(20))),
    (FROM_ARCHIVE, message(3, command.response(FIND, 0xFF00, has_data_set=True), bytes(90))),
    (FROM_ARCHIVE, message(3, command.response(FIND, 0xFF00, has_data_set=True), bytes(90))),
    (FROM_ARCHIVE, message(3, command.response(FIND, 0))),
    (TO_ARCHIVE, ReleaseRequest().encode()),
    (FROM_ARCHIVE, ReleaseReply().encode()),
]
TOLD = [
    ("associated", "VNAOPS", "CT1", "accepted"),
    ("instance", "to_archive", "CT1"),
    ("operation", "C-STORE", "VNAOPS", "CT1", "ct", "explicit-le", 0),
    ("response", "C-FIND", True),
    ("response", "C-FIND", False),
    ("operation", "C-FIND", "VNAOPS", "CT1", "query", "implicit-le", 0),
]


def follow(pieces: Iterator[tuple[int, bytes]]) -> tuple[Story, Follower]:
    story = Story()
    follower = Follower(story, AeTitles())
    for number, (direction, data) in enumerate(pieces):
        follower.passed(direction, data, float(number))
    return story, follower


def test_a_conversation_is_told_with_its_times() -> None:
    story, follower = follow(iter(CONVERSATION))
    assert story.told == TOLD
    assert story.seconds == [1.0, 1.0, 1.0, 3.0]
    assert (follower.ended, follower.open, follower.following) == ("released", False, True)


@given(st.data())
def test_any_cutting_of_the_streams_tells_the_same(data: st.DataObject) -> None:
    def pieces() -> Iterator[tuple[int, bytes]]:
        for direction, stream in CONVERSATION:
            cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
            for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
                yield direction, stream[start:end]

    story, follower = follow(pieces())
    assert story.told == TOLD
    assert follower.waiting_for is None


def test_interleaved_operations_are_told_apart_by_their_message_ids() -> None:
    second = command.store_request(8, CT, "1.2.4")
    story, _ = follow(
        iter(
            [
                *CONVERSATION[:2],
                (TO_ARCHIVE, message(1, STORE, bytes(50))),
                (TO_ARCHIVE, message(1, second, bytes(50))),
                (FROM_ARCHIVE, message(1, command.response(second, 0xA700))),
                (FROM_ARCHIVE, message(1, command.response(STORE, 0))),
            ]
        )
    )
    assert [told[-1] for told in story.told if told[0] == "operation"] == [0xA700, 0]
    assert story.seconds == [1.0, 3.0]


def test_who_is_waited_for_follows_the_messages() -> None:
    story = Story()
    follower = Follower(story, AeTitles())
    store = message(1, STORE, bytes(500))
    waited = []
    for direction, data in [
        *CONVERSATION[:2],
        (TO_ARCHIVE, store[:300]),
        (TO_ARCHIVE, store[300:]),
        (FROM_ARCHIVE, message(1, command.response(STORE, 0))),
    ]:
        follower.passed(direction, data, 0.0)
        waited.append(follower.waiting_for)
    assert waited == [None, None, "sender", "archive", None]


def test_a_rejection_and_an_abort_are_told_in_the_standards_words() -> None:
    story, follower = follow(iter([(TO_ARCHIVE, REQUEST), (FROM_ARCHIVE, AssociateReject(1, 1, 7).encode())]))
    assert story.told[-1] == ("rejected", "rejected-permanent by service-user: called-AE-title-not-recognized")
    assert follower.ended == "rejected"
    story, follower = follow(iter([*CONVERSATION[:2], (FROM_ARCHIVE, Abort(2, 1).encode())]))
    assert story.told[-1] == ("aborted", "aborted by service-provider: unrecognized-pdu")
    assert follower.ended == "aborted-by-service-provider"


def test_a_rejected_ae_title_that_nobody_knows_is_other() -> None:
    story, _ = follow(iter([(TO_ARCHIVE, REQUEST), (FROM_ARCHIVE, AssociateReject(1, 1, 3).encode())]))
    assert story.told[0] == ("associated", "other", "other", "rejected")


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([(TO_ARCHIVE, b"GET / HTTP/1.1\r\n\r\n")], "protocol"),
        ([(FROM_ARCHIVE, ACCEPT)], "unexpected-pdu"),
        ([(TO_ARCHIVE, REQUEST), (TO_ARCHIVE, REQUEST)], "unexpected-pdu"),
        (
            [*CONVERSATION[:2], (TO_ARCHIVE, bytes((4, 0, 0, 0, 0, 8, 0, 0, 0, 4, 1, 2, 0, 0)))],
            "data-set-without-command",
        ),
        ([*CONVERSATION[:2], (FROM_ARCHIVE, message(1, command.response(STORE, 0)))], "unexpected-response"),
        (
            [*CONVERSATION[:2], *[(TO_ARCHIVE, bytes((4, 0, 0, 0, 255, 4, 0, 0, 255, 0, 1, 1)) + bytes(65278))] * 2],
            "command-too-long",
        ),
    ],
)
def test_what_it_does_not_understand_is_told_with_a_reason(pieces: list[tuple[int, bytes]], reason: str) -> None:
    story, _ = follow(iter(pieces))
    assert story.told[-1] == ("unparsed", reason)


@given(st.lists(st.tuples(st.integers(0, 1), st.binary(max_size=200)), max_size=20))
def test_no_bytes_raise(pieces: list[tuple[int, bytes]]) -> None:
    follow(iter([*CONVERSATION[:2], *pieces]))
