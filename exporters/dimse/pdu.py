"""The PDUs of the DICOM upper layer but P-DATA-TF, which `stream` reads piece by piece (PS3.8 section 9.3)."""

import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from exporters.dimse import uids
from exporters.dimse.errors import ProtocolError, UsageError
from exporters.dimse.items import ContextAnswer, ProposedContext, UserInformation, decode_uid, item, split_items
from exporters.dimse.reasons import AbortReason, AbortSource, RejectResult, RejectSource, reject_words, words

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA_TF, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)


def _frame(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxI", kind, len(body)) + body


def encode_ae_title(title: str) -> bytes:
    """An AE title in 16 bytes. Raises UsageError unless it is 1 to 16 printable ASCII characters without backslash."""
    stripped = title.strip(" ")
    if not 0 < len(stripped) <= 16 or not stripped.isascii() or not stripped.isprintable() or "\\" in stripped:
        raise UsageError(f"{title!r} is no AE title: 1 to 16 printable ASCII characters, no backslash")
    return stripped.encode("ascii").ljust(16)


def _echo_ae_title(title: str) -> bytes:
    """For A-ASSOCIATE-AC: whatever the requestor sent, since it has no meaning there."""
    return title.encode("latin-1", "replace")[:16].ljust(16)


def _decode_ae_title(data: bytes) -> str:
    return data.decode("latin-1").strip(" \0")


def _associate_body(
    called: bytes, calling: bytes, version: int, context_name: str, contexts: bytes, user: bytes
) -> bytes:
    head = struct.pack(">H2x16s16s32x", version, called, calling)
    return head + item(0x10, context_name.encode("ascii")) + contexts + user


def _associate_items(body: bytes, context_kind: int) -> tuple[int, str, str, str, list[bytes], UserInformation]:
    if len(body) < 68:
        raise ProtocolError(f"an A-ASSOCIATE PDU of {len(body)} bytes is shorter than its fixed part")
    version, called, calling = struct.unpack_from(">H2x16s16s", body)
    context_name, contexts, user = "", [], None
    for kind, value in split_items(body[68:]):
        if kind == 0x10:
            context_name = decode_uid(value)
        elif kind == context_kind:
            contexts.append(value)
        elif kind == 0x50:
            user = UserInformation.decode(value)
    if user is None:
        raise ProtocolError("an A-ASSOCIATE PDU has no user information item")
    return version, _decode_ae_title(called), _decode_ae_title(calling), context_name, contexts, user


@dataclass(slots=True, frozen=True)
class AssociateRequest:
    """A-ASSOCIATE-RQ."""

    called_ae_title: str
    calling_ae_title: str
    contexts: tuple[ProposedContext, ...]
    user: UserInformation = field(default_factory=UserInformation)
    application_context: str = uids.APPLICATION_CONTEXT
    version: int = 1

    def encode(self) -> bytes:
        """The whole PDU. Raises UsageError for titles, UIDs or context ids that the standard doesn't allow."""
        if len({context.id for context in self.contexts}) != len(self.contexts):
            raise UsageError("two presentation contexts have the same id")
        contexts = b"".join(context.encode() for context in self.contexts)
        user = self.user.encode()
        called, calling = encode_ae_title(self.called_ae_title), encode_ae_title(self.calling_ae_title)
        body = _associate_body(called, calling, self.version, self.application_context, contexts, user)
        return _frame(ASSOCIATE_RQ, body)

    @classmethod
    def decode(cls, body: bytes) -> "AssociateRequest":
        """From what follows the PDU's length."""
        version, called, calling, context_name, found, user = _associate_items(body, 0x20)
        contexts = tuple(map(ProposedContext.decode, found))
        if len({context.id for context in contexts}) != len(contexts):
            raise ProtocolError("two presentation contexts have the same id")
        return cls(called, calling, contexts, user, context_name, version)


@dataclass(slots=True, frozen=True)
class AssociateAccept:
    """A-ASSOCIATE-AC; the AE titles are an echo without meaning, not looked at (PS3.8 table 9-17)."""

    called_ae_title: str
    calling_ae_title: str
    contexts: tuple[ContextAnswer, ...]
    user: UserInformation = field(default_factory=UserInformation)
    application_context: str = uids.APPLICATION_CONTEXT
    version: int = 1

    def encode(self) -> bytes:
        """The whole PDU. Raises UsageError for UIDs or context ids that the standard doesn't allow."""
        contexts = b"".join(context.encode() for context in self.contexts)
        user = self.user.encode()
        called, calling = _echo_ae_title(self.called_ae_title), _echo_ae_title(self.calling_ae_title)
        body = _associate_body(called, calling, self.version, self.application_context, contexts, user)
        return _frame(ASSOCIATE_AC, body)

    @classmethod
    def decode(cls, body: bytes) -> "AssociateAccept":
        """From what follows the PDU's length."""
        version, called, calling, context_name, found, user = _associate_items(body, 0x21)
        contexts = tuple(map(ContextAnswer.decode, found))
        if len({context.id for context in contexts}) != len(contexts):
            raise ProtocolError("two presentation contexts have the same id")
        return cls(called, calling, contexts, user, context_name, version)


@dataclass(slots=True, frozen=True)
class AssociateReject:
    """A-ASSOCIATE-RJ, in the numbers that came; `str` gives the standard's words."""

    result: int
    source: int
    reason: int

    def encode(self) -> bytes:
        """The whole PDU."""
        return _frame(ASSOCIATE_RJ, bytes((0, self.result, self.source, self.reason)))

    @classmethod
    def decode(cls, body: bytes) -> "AssociateReject":
        """From what follows the PDU's length."""
        return cls(*_four(body, "A-ASSOCIATE-RJ")[1:])

    def __str__(self) -> str:
        source = words(RejectSource(self.source))
        return f"{words(RejectResult(self.result))} by {source}: {reject_words(self.source, self.reason)}"


@dataclass(slots=True, frozen=True)
class ReleaseRequest:
    """A-RELEASE-RQ."""

    def encode(self) -> bytes:
        """The whole PDU."""
        return _frame(RELEASE_RQ, bytes(4))

    @classmethod
    def decode(cls, body: bytes) -> "ReleaseRequest":
        """From what follows the PDU's length."""
        _four(body, "A-RELEASE-RQ")
        return cls()


@dataclass(slots=True, frozen=True)
class ReleaseReply:
    """A-RELEASE-RP."""

    def encode(self) -> bytes:
        """The whole PDU."""
        return _frame(RELEASE_RP, bytes(4))

    @classmethod
    def decode(cls, body: bytes) -> "ReleaseReply":
        """From what follows the PDU's length."""
        _four(body, "A-RELEASE-RP")
        return cls()


@dataclass(slots=True, frozen=True)
class Abort:
    """A-ABORT, in the numbers that came; `str` gives the standard's words."""

    source: int = AbortSource.SERVICE_USER
    reason: int = AbortReason.NOT_SPECIFIED

    def encode(self) -> bytes:
        """The whole PDU."""
        return _frame(ABORT, bytes((0, 0, self.source, self.reason)))

    @classmethod
    def decode(cls, body: bytes) -> "Abort":
        """From what follows the PDU's length."""
        return cls(*_four(body, "A-ABORT")[2:])

    def __str__(self) -> str:
        source = AbortSource(self.source)
        by = f"aborted by {words(source)}"
        return f"{by}: {words(AbortReason(self.reason))}" if source == AbortSource.SERVICE_PROVIDER else by


def _four(body: bytes, name: str) -> bytes:
    if len(body) != 4:
        raise ProtocolError(f"{name} has {len(body)} bytes instead of 4")
    return body


ControlPdu = AssociateRequest | AssociateAccept | AssociateReject | ReleaseRequest | ReleaseReply | Abort

_DECODERS: dict[int, Callable[[bytes], ControlPdu]] = {
    ASSOCIATE_RQ: AssociateRequest.decode,
    ASSOCIATE_AC: AssociateAccept.decode,
    ASSOCIATE_RJ: AssociateReject.decode,
    RELEASE_RQ: ReleaseRequest.decode,
    RELEASE_RP: ReleaseReply.decode,
    ABORT: Abort.decode,
}


def decode_control(kind: int, body: bytes) -> ControlPdu:
    """The PDU of this type (not P-DATA-TF) from what follows its length.

    Raises:
        ProtocolError: the type is unknown, or the body isn't what the type asks for.
    """
    decode = _DECODERS.get(kind)
    if decode is None:
        raise ProtocolError(f"PDU type {kind:#04x} is unknown", AbortReason.UNRECOGNIZED_PDU)
    return decode(body)
