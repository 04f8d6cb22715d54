"""DIMSE command sets: implicit VR little endian, group 0000 only (PS3.7 sections 6.3, 9.3, 10.3, annex E)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from exporters.dimse.errors import ProtocolError, UsageError
from exporters.dimse.items import encode_uid
from exporters.dimse.stream import Buffer

NO_DATA_SET: Final = 0x0101
DATA_SET: Final = 0x0001


class CommandField(IntEnum):
    """The command field (0000,0100); a response is its request with `RESPONSE` set."""

    C_STORE_RQ = 0x0001
    C_STORE_RSP = 0x8001
    C_GET_RQ = 0x0010
    C_GET_RSP = 0x8010
    C_FIND_RQ = 0x0020
    C_FIND_RSP = 0x8020
    C_MOVE_RQ = 0x0021
    C_MOVE_RSP = 0x8021
    C_ECHO_RQ = 0x0030
    C_ECHO_RSP = 0x8030
    N_EVENT_REPORT_RQ = 0x0100
    N_EVENT_REPORT_RSP = 0x8100
    N_ACTION_RQ = 0x0130
    N_ACTION_RSP = 0x8130
    C_CANCEL_RQ = 0x0FFF


RESPONSE: Final = 0x8000


class Priority(IntEnum):
    """Priority of an operation (0000,0700)."""

    MEDIUM = 0
    HIGH = 1
    LOW = 2


@dataclass
class Command:
    """A command set. What is None is absent; the standard's tables say which message has which (PS3.7 section 9.3).

    Without slots, so that what is absent costs nothing in `decode`.
    """

    command_field: int
    message_id: int | None = None
    message_id_responded_to: int | None = None
    has_data_set: bool = False
    status: int | None = None
    affected_sop_class_uid: str | None = None
    affected_sop_instance_uid: str | None = None
    requested_sop_class_uid: str | None = None
    requested_sop_instance_uid: str | None = None
    priority: int | None = None
    move_destination: str | None = None
    move_originator_ae_title: str | None = None
    move_originator_message_id: int | None = None
    remaining_suboperations: int | None = None
    completed_suboperations: int | None = None
    failed_suboperations: int | None = None
    warning_suboperations: int | None = None
    offending_elements: tuple[int, ...] | None = None
    error_comment: str | None = None
    error_id: int | None = None
    event_type_id: int | None = None
    action_type_id: int | None = None
    attribute_identifiers: tuple[int, ...] | None = None

    @property
    def is_response(self) -> bool:
        """Whether it answers a request."""
        return bool(self.command_field & RESPONSE)

    def encode(self) -> bytes:
        """The command set with its group length. Raises UsageError for values that their representation can't hold."""
        body = b"".join(
            _HEAD.pack(0, element, len(value)) + value
            for element, name, to_bytes in _ENCODERS
            if (value := to_bytes(getattr(self, name))) is not None
        )
        return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body

    @classmethod
    def decode(cls, data: Buffer) -> "Command":
        """From a whole command set. Elements that aren't known (retired ones) are skipped.

        Raises:
            ProtocolError: a length passes the end, a value doesn't fit its representation, there is no command field.
        """
        data = bytes(data)
        values: dict[str, object] = {}
        at, end = 0, len(data)
        unpack, decoders = _TAG_AND_LENGTH.unpack_from, _DECODERS
        try:
            while at < end:
                tag, length = unpack(data, at)
                at += 8
                if tag in decoders:
                    name, from_bytes = decoders[tag]
                    if from_bytes is None:
                        if length != 2:
                            raise ProtocolError(f"{name} of a command set has {length} bytes instead of 2")
                        values[name] = data[at] | data[at + 1] << 8
                    elif length:
                        values[name] = from_bytes(data[at : at + length])
                elif tag & 0xFFFF:
                    raise ProtocolError(f"a command set has an element of group {tag & 0xFFFF:04x}")
                at += length
        except (struct.error, IndexError):
            at = -1
        if at != end:
            raise ProtocolError("a command set ends within an element")
        if "command_field" not in values:
            raise ProtocolError("a command set has no command field")
        command = cls.__new__(cls)
        command.__dict__ = values  # 23 defaults stay in the class: 1 of 3 microseconds per response
        return command


def echo_request(message_id: int) -> Command:
    """C-ECHO-RQ (PS3.7 section 9.3.5.1)."""
    return Command(CommandField.C_ECHO_RQ, message_id, affected_sop_class_uid="1.2.840.10008.1.1")


def store_request(
    message_id: int,
    sop_class_uid: str,
    sop_instance_uid: str,
    *,
    priority: int = Priority.MEDIUM,
    move_originator: tuple[str, int] | None = None,
) -> Command:
    """C-STORE-RQ (PS3.7 section 9.3.1.1); `move_originator` is AE title and message id of the C-MOVE behind it."""
    ae_title, originator_id = move_originator or (None, None)
    return Command(
        CommandField.C_STORE_RQ,
        message_id,
        has_data_set=True,
        affected_sop_class_uid=sop_class_uid,
        affected_sop_instance_uid=sop_instance_uid,
        priority=priority,
        move_originator_ae_title=ae_title,
        move_originator_message_id=originator_id,
    )


def find_request(message_id: int, sop_class_uid: str, *, priority: int = Priority.MEDIUM) -> Command:
    """C-FIND-RQ (PS3.7 section 9.3.2.1)."""
    return _query(CommandField.C_FIND_RQ, message_id, sop_class_uid, priority)


def get_request(message_id: int, sop_class_uid: str, *, priority: int = Priority.MEDIUM) -> Command:
    """C-GET-RQ (PS3.7 section 9.3.3.1)."""
    return _query(CommandField.C_GET_RQ, message_id, sop_class_uid, priority)


def move_request(message_id: int, sop_class_uid: str, destination: str, *, priority: int = Priority.MEDIUM) -> Command:
    """C-MOVE-RQ (PS3.7 section 9.3.4.1)."""
    command = _query(CommandField.C_MOVE_RQ, message_id, sop_class_uid, priority)
    command.move_destination = destination
    return command


def _query(command_field: int, message_id: int, sop_class_uid: str, priority: int) -> Command:
    return Command(
        command_field, message_id, has_data_set=True, affected_sop_class_uid=sop_class_uid, priority=priority
    )


def cancel_request(message_id: int) -> Command:
    """C-CANCEL-RQ of the operation with that message id (PS3.7 sections 9.3.2.3, 9.3.3.3, 9.3.4.3)."""
    return Command(CommandField.C_CANCEL_RQ, message_id_responded_to=message_id)


def action_request(message_id: int, sop_class_uid: str, sop_instance_uid: str, action_type: int) -> Command:
    """N-ACTION-RQ with action information as its data set (PS3.7 section 10.3.4.1)."""
    return Command(
        CommandField.N_ACTION_RQ,
        message_id,
        has_data_set=True,
        requested_sop_class_uid=sop_class_uid,
        requested_sop_instance_uid=sop_instance_uid,
        action_type_id=action_type,
    )


def event_report_request(message_id: int, sop_class_uid: str, sop_instance_uid: str, event_type: int) -> Command:
    """N-EVENT-REPORT-RQ with event information as its data set (PS3.7 section 10.3.1.1)."""
    return Command(
        CommandField.N_EVENT_REPORT_RQ,
        message_id,
        has_data_set=True,
        affected_sop_class_uid=sop_class_uid,
        affected_sop_instance_uid=sop_instance_uid,
        event_type_id=event_type,
    )


def response(request: Command, status: int, *, has_data_set: bool = False) -> Command:
    """The response to any request but C-CANCEL, with the UIDs and type ids that the request had."""
    return Command(
        request.command_field | RESPONSE,
        message_id_responded_to=request.message_id,
        has_data_set=has_data_set,
        status=status,
        affected_sop_class_uid=request.affected_sop_class_uid or request.requested_sop_class_uid,
        affected_sop_instance_uid=request.affected_sop_instance_uid or request.requested_sop_instance_uid,
        event_type_id=request.event_type_id,
        action_type_id=request.action_type_id,
    )


_HEAD = struct.Struct("<HHI")
_TAG_AND_LENGTH = struct.Struct("<II")  # the tag as one number: element << 16 | group
_GROUP_LENGTH = struct.Struct("<HHII")


def _uid_to(value: str | None) -> bytes | None:
    if value is None:
        return None
    encoded = encode_uid(value)
    return encoded + b"\0" if len(encoded) % 2 else encoded


def _uid_from(value: bytes) -> str:
    try:
        return value.rstrip(b"\0 ").decode("ascii")
    except UnicodeDecodeError:
        raise ProtocolError("a UID of a command set has bytes outside ASCII") from None


def _us_to(value: int | None) -> bytes | None:
    if value is None:
        return None
    if not 0 <= value <= 0xFFFF:
        raise UsageError(f"{value} does not fit 16 bits")
    return value.to_bytes(2, "little")


def _text_to(value: str | None) -> bytes | None:
    if value is None:
        return None
    encoded = value.encode("ascii", "replace")
    return encoded + b" " if len(encoded) % 2 else encoded


def _text_from(value: bytes) -> str:
    return str(value, "latin-1").strip(" \0")


def _tags_to(value: tuple[int, ...] | None) -> bytes | None:
    return None if value is None else b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in value)


def _tags_from(value: bytes) -> tuple[int, ...]:
    if len(value) % 4:
        raise ProtocolError(f"a list of attribute tags has {len(value)} bytes, which is no multiple of 4")
    return tuple(group << 16 | element for group, element in struct.iter_unpack("<HH", value))


def _data_set_to(value: bool) -> bytes:
    return (DATA_SET if value else NO_DATA_SET).to_bytes(2, "little")


def _data_set_from(value: bytes) -> bool:
    if len(value) != 2:
        raise ProtocolError(f"the command data set type has {len(value)} bytes instead of 2")
    return int.from_bytes(value, "little") != NO_DATA_SET


_Representation = tuple[Callable[..., bytes | None], Callable[[bytes], object] | None]  # None: 16 bits
_UI: _Representation = (_uid_to, _uid_from)
_US: _Representation = (_us_to, None)
_TEXT: _Representation = (_text_to, _text_from)
_AT: _Representation = (_tags_to, _tags_from)

# In ascending order, as they are encoded (PS3.7 annex E.1)
_ELEMENTS: tuple[tuple[int, str, _Representation], ...] = (
    (0x0002, "affected_sop_class_uid", _UI),
    (0x0003, "requested_sop_class_uid", _UI),
    (0x0100, "command_field", _US),
    (0x0110, "message_id", _US),
    (0x0120, "message_id_responded_to", _US),
    (0x0600, "move_destination", _TEXT),
    (0x0700, "priority", _US),
    (0x0800, "has_data_set", (_data_set_to, _data_set_from)),
    (0x0900, "status", _US),
    (0x0901, "offending_elements", _AT),
    (0x0902, "error_comment", _TEXT),
    (0x0903, "error_id", _US),
    (0x1000, "affected_sop_instance_uid", _UI),
    (0x1001, "requested_sop_instance_uid", _UI),
    (0x1002, "event_type_id", _US),
    (0x1005, "attribute_identifiers", _AT),
    (0x1008, "action_type_id", _US),
    (0x1020, "remaining_suboperations", _US),
    (0x1021, "completed_suboperations", _US),
    (0x1022, "failed_suboperations", _US),
    (0x1023, "warning_suboperations", _US),
    (0x1030, "move_originator_ae_title", _TEXT),
    (0x1031, "move_originator_message_id", _US),
)
_ENCODERS = tuple((element, name, to_bytes) for element, name, (to_bytes, _) in _ELEMENTS)
_DECODERS = {element << 16: (name, from_bytes) for element, name, (_, from_bytes) in _ELEMENTS}
