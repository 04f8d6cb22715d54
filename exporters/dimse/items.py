"""Items inside A-ASSOCIATE PDUs: contexts, user information (PS3.8 section 9.3.2, annex D; PS3.7 annex D)."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from exporters.dimse import uids
from exporters.dimse.errors import ProtocolError, UsageError
from exporters.dimse.reasons import ContextResult

DEFAULT_MAX_LENGTH = 131072  # what lean_scu and dcmtk's largest use; 16384 halves the speed of large instances


def item(kind: int, body: bytes) -> bytes:
    """One item with its type and 16-bit length. Raises UsageError if the body is longer than such a length can say."""
    if len(body) > 0xFFFF:
        raise UsageError(f"an item of type {kind:#04x} can't hold {len(body)} bytes: its length has 16 bits")
    return struct.pack(">BxH", kind, len(body)) + body


def split_items(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The items one after the other as (type, body). Raises ProtocolError where a length passes the end."""
    at, end = 0, len(data)
    while at < end:
        if end - at < 4:
            raise ProtocolError(f"{end - at} bytes are left over after the last item")
        kind, length = struct.unpack_from(">BxH", data, at)
        at += 4
        if length > end - at:
            raise ProtocolError(f"item {kind:#04x} announces {length} bytes where {end - at} are left")
        yield kind, data[at : at + length]
        at += length


def encode_uid(uid: str) -> bytes:
    """A UID as an item's body (without padding). Raises UsageError if it isn't valid."""
    if not uids.is_valid(uid):
        raise UsageError(f"{uid!r} is no valid UID")
    return uid.encode("ascii")


def decode_uid(data: bytes) -> str:
    """A UID of an item; padding is tolerated, invalid forms are passed on (peers do send them)."""
    try:
        return data.rstrip(b"\0 ").decode("ascii")
    except UnicodeDecodeError:
        raise ProtocolError("a UID has bytes outside ASCII") from None


class Fields:
    """Reads the 16-bit length prefixed fields of sub-items, within bounds."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """The next bytes. Raises ProtocolError if there are fewer."""
        if count > len(self._data) - self._at:
            raise ProtocolError(f"a sub-item ends {count - len(self._data) + self._at} bytes early")
        self._at += count
        return self._data[self._at - count : self._at]

    def field(self) -> bytes:
        """The next field behind its 16-bit length."""
        return self.take(int.from_bytes(self.take(2)))

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._data) - self._at)

    def __bool__(self) -> bool:
        return self._at < len(self._data)


def _prefixed(data: bytes) -> bytes:
    if len(data) > 0xFFFF:
        raise UsageError(f"a field can't hold {len(data)} bytes: its length has 16 bits")
    return len(data).to_bytes(2) + data


@dataclass(slots=True, frozen=True)
class ProposedContext:
    """A presentation context in A-ASSOCIATE-RQ; `id` is odd, 1 to 255."""

    id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]

    def encode(self) -> bytes:
        """As an item of type 20H."""
        _check_context_id(self.id)
        syntaxes = b"".join(item(0x40, encode_uid(uid)) for uid in self.transfer_syntaxes)
        return item(0x20, bytes((self.id, 0, 0, 0)) + item(0x30, encode_uid(self.abstract_syntax)) + syntaxes)

    @classmethod
    def decode(cls, body: bytes) -> "ProposedContext":
        """From the body of the item."""
        head, abstract, transfer = Fields(body), "", []
        context_id = head.take(4)[0]
        for kind, value in split_items(head.rest()):
            if kind == 0x30:
                abstract = decode_uid(value)
            elif kind == 0x40:
                transfer.append(decode_uid(value))
        if context_id % 2 == 0:
            raise ProtocolError(f"presentation context id {context_id} is even")
        if not abstract or not transfer:
            raise ProtocolError(f"presentation context {context_id} lacks its abstract or transfer syntax")
        return cls(context_id, abstract, tuple(transfer))


@dataclass(slots=True, frozen=True)
class ContextAnswer:
    """A presentation context in A-ASSOCIATE-AC; the transfer syntax has no meaning unless accepted."""

    id: int
    result: int
    transfer_syntax: str = uids.IMPLICIT_VR_LITTLE_ENDIAN

    @property
    def accepted(self) -> bool:
        """Whether the result is acceptance."""
        return self.result == ContextResult.ACCEPTANCE

    def encode(self) -> bytes:
        """As an item of type 21H."""
        _check_context_id(self.id)
        return item(0x21, bytes((self.id, 0, self.result, 0)) + item(0x40, encode_uid(self.transfer_syntax)))

    @classmethod
    def decode(cls, body: bytes) -> "ContextAnswer":
        """From the body of the item; a refusal may come without a transfer syntax (PS3.8 table 9-18)."""
        head, transfer = Fields(body), ""
        context_id, _, result, _ = head.take(4)
        if result == ContextResult.ACCEPTANCE:
            for kind, value in split_items(head.rest()):
                if kind == 0x40:
                    transfer = decode_uid(value)
            if not transfer:
                raise ProtocolError(f"presentation context {context_id} is accepted without a transfer syntax")
        return cls(context_id, result, transfer or uids.IMPLICIT_VR_LITTLE_ENDIAN)


def _check_context_id(context_id: int) -> None:
    if not (0 < context_id < 256 and context_id % 2):
        raise UsageError(f"presentation context id {context_id} is not odd or not within 1 to 255")


@dataclass(slots=True, frozen=True)
class RoleSelection:
    """SCP/SCU role selection (PS3.7 annex D.3.3.4): the roles of the association's requestor for a SOP class."""

    sop_class_uid: str
    scu: bool
    scp: bool


@dataclass(slots=True, frozen=True)
class ExtendedNegotiation:
    """SOP class extended negotiation (PS3.7 annex D.3.3.5); the information's meaning is the service class's."""

    sop_class_uid: str
    information: bytes


@dataclass(slots=True, frozen=True)
class CommonExtendedNegotiation:
    """SOP class common extended negotiation (PS3.7 annex D.3.3.6)."""

    sop_class_uid: str
    service_class_uid: str
    related_sop_class_uids: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class UserIdentity:
    """User identity of the requestor (PS3.7 annex D.3.3.7); never shown by repr.

    Types: 1 user name, 2 user name and passcode, 3 Kerberos ticket, 4 SAML assertion, 5 JSON web token.
    """

    type: int
    primary: bytes = field(repr=False)
    secondary: bytes = field(default=b"", repr=False)
    response_requested: bool = False


@dataclass(slots=True, frozen=True)
class UserInformation:
    """The user information item (50H). `max_length` is the longest P-DATA-TF its sender takes, in bytes; 0: any."""

    max_length: int = DEFAULT_MAX_LENGTH
    implementation_class_uid: str = uids.IMPLEMENTATION_CLASS
    implementation_version_name: str = uids.IMPLEMENTATION_VERSION
    async_window: tuple[int, int] | None = None
    """Operations invoked and performed at a time; 0: any number; None: not negotiated, one each."""
    roles: tuple[RoleSelection, ...] = ()
    extended: tuple[ExtendedNegotiation, ...] = ()
    common_extended: tuple[CommonExtendedNegotiation, ...] = ()
    identity: UserIdentity | None = None
    identity_response: bytes | None = field(default=None, repr=False)

    def encode(self) -> bytes:
        """As an item of type 50H."""
        parts = [item(0x51, struct.pack(">I", self.max_length)), item(0x52, encode_uid(self.implementation_class_uid))]
        if self.async_window is not None:
            parts.append(item(0x53, struct.pack(">HH", *self.async_window)))
        for role in self.roles:
            parts.append(item(0x54, _prefixed(encode_uid(role.sop_class_uid)) + bytes((role.scu, role.scp))))
        if self.implementation_version_name:
            parts.append(item(0x55, self.implementation_version_name.encode("ascii")))
        for extended in self.extended:
            parts.append(item(0x56, _prefixed(encode_uid(extended.sop_class_uid)) + extended.information))
        for common in self.common_extended:
            related = b"".join(_prefixed(encode_uid(uid)) for uid in common.related_sop_class_uids)
            named = _prefixed(encode_uid(common.sop_class_uid)) + _prefixed(encode_uid(common.service_class_uid))
            parts.append(item(0x57, named + _prefixed(related)))
        if self.identity is not None:
            who = self.identity
            head = bytes((who.type, who.response_requested))
            parts.append(item(0x58, head + _prefixed(who.primary) + _prefixed(who.secondary)))
        if self.identity_response is not None:
            parts.append(item(0x59, _prefixed(self.identity_response)))
        return item(0x50, b"".join(parts))

    @classmethod
    def decode(cls, body: bytes) -> "UserInformation":
        """From the body of the item; sub-items that aren't known are skipped (PS3.8 section 9.3.1)."""
        max_length, class_uid, version, window = 0, "", "", None
        roles: list[RoleSelection] = []
        extended: list[ExtendedNegotiation] = []
        common: list[CommonExtendedNegotiation] = []
        identity, response = None, None
        for kind, value in split_items(body):
            read = Fields(value)
            if kind == 0x51:
                max_length = int.from_bytes(read.take(4))
            elif kind == 0x52:
                class_uid = decode_uid(value)
            elif kind == 0x53:
                window = (int.from_bytes(read.take(2)), int.from_bytes(read.take(2)))
            elif kind == 0x54:
                roles.append(RoleSelection(decode_uid(read.field()), bool(read.take(1)[0]), bool(read.take(1)[0])))
            elif kind == 0x55:
                version = value.decode("latin-1").strip(" \0")
            elif kind == 0x56:
                extended.append(ExtendedNegotiation(decode_uid(read.field()), read.rest()))
            elif kind == 0x57:
                named, related, uid_list = (
                    (decode_uid(read.field()), decode_uid(read.field())),
                    Fields(read.field()),
                    [],
                )
                while related:
                    uid_list.append(decode_uid(related.field()))
                common.append(CommonExtendedNegotiation(*named, tuple(uid_list)))
            elif kind == 0x58:
                identity_type, requested = read.take(2)
                identity = UserIdentity(identity_type, read.field(), read.field(), bool(requested))
            elif kind == 0x59:
                response = read.field()
        return cls(
            max_length, class_uid, version, window, tuple(roles), tuple(extended), tuple(common), identity, response
        )
