"""Command sets against themselves, pynetdicom and pydicom."""

from contextlib import suppress
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.dsutils import decode as pynetdicom_decode
from pynetdicom.dsutils import encode as pynetdicom_encode

from exporters.dimse import command as commands
from exporters.dimse.command import Command
from exporters.dimse.errors import ProtocolError, UsageError
from exporters.dimse.status import StatusClass, status_class
from tests.unit.exporters.dimse import strategies


@given(strategies.commands)
def test_a_command_comes_back_from_its_bytes(command: Command) -> None:
    assert Command.decode(command.encode()) == command


@given(strategies.commands)
def test_pynetdicom_reads_a_command_and_writes_the_same_bytes(command: Command) -> None:
    encoded = command.encode()
    theirs = pynetdicom_decode(BytesIO(encoded), ImplicitVRLittleEndian.is_implicit_VR, True)

    assert theirs.CommandGroupLength == len(encoded) - 12
    assert theirs.CommandField == command.command_field
    assert theirs.get("AffectedSOPInstanceUID") == command.affected_sop_instance_uid
    assert pynetdicom_encode(theirs, True, True) == encoded


@given(st.binary(max_size=200))
def test_garbage_raises_nothing_but_a_protocol_error(garbage: bytes) -> None:
    with suppress(ProtocolError):
        Command.decode(garbage)


@given(strategies.commands, st.data())
def test_a_cut_or_changed_command_raises_nothing_but_a_protocol_error(command: Command, data: st.DataObject) -> None:
    encoded = bytearray(command.encode())
    encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(0, 255))
    with suppress(ProtocolError):
        Command.decode(encoded[: data.draw(st.integers(0, len(encoded)))])


@pytest.mark.parametrize(
    ("encoded", "said"),
    [
        (b"", "a command set has no command field"),
        (b"\0\0\0\1\2\0\0", "a command set ends within an element"),
        (b"\0\0\0\1\2\0\0\0\1", "a command set ends within an element"),
        (b"\0\0\0\1\xff\xff\xff\xff\1\0", "command_field of a command set has 4294967295 bytes instead of 2"),
        (b"\0\0\2\0\xff\xff\xff\xff1.2", "a command set ends within an element"),
        (b"\x08\0\0\1\2\0\0\0\1\0", "a command set has an element of group 0008"),
        (b"\0\0\1\x09\3\0\0\0abc", "a list of attribute tags has 3 bytes, which is no multiple of 4"),
        (b"\0\0\2\0\2\0\0\0\xff\xff", "a UID of a command set has bytes outside ASCII"),
    ],
)
def test_a_malformed_command_is_refused_in_words(encoded: bytes, said: str) -> None:
    with pytest.raises(ProtocolError, match=f"^{said}$"):
        Command.decode(encoded)


def test_a_retired_element_is_skipped() -> None:
    retired = b"\0\0\1\0\4\0\0\0\1\2\3\4"  # (0000,0001) length to end

    assert Command.decode(retired + commands.echo_request(7).encode()[12:]) == commands.echo_request(7)


def test_a_number_of_more_than_16_bits_is_not_sent() -> None:
    with pytest.raises(UsageError, match="65536 does not fit 16 bits"):
        commands.echo_request(65536).encode()


def test_a_response_names_what_it_answers() -> None:
    request = commands.action_request(9, "1.2.3", "1.2.4", 1)
    answer = commands.response(request, 0x0110)

    assert answer.is_response
    assert not request.is_response
    assert (answer.command_field, answer.message_id_responded_to, answer.action_type_id) == (0x8130, 9, 1)
    assert (answer.affected_sop_class_uid, answer.affected_sop_instance_uid) == ("1.2.3", "1.2.4")


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0x0000, StatusClass.SUCCESS),
        (0x0001, StatusClass.WARNING),
        (0x0107, StatusClass.WARNING),
        (0x0116, StatusClass.WARNING),
        (0xB000, StatusClass.WARNING),
        (0xBFFF, StatusClass.WARNING),
        (0x0110, StatusClass.FAILURE),
        (0x0122, StatusClass.FAILURE),
        (0xA700, StatusClass.FAILURE),
        (0xC000, StatusClass.FAILURE),
        (0x1234, StatusClass.FAILURE),
        (0xFE00, StatusClass.CANCEL),
        (0xFF00, StatusClass.PENDING),
        (0xFF01, StatusClass.PENDING),
    ],
)
def test_a_status_has_the_class_of_annex_c(status: int, expected: StatusClass) -> None:
    assert status_class(status) is expected
