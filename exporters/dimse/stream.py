"""From a byte stream to PDUs (PS3.8 section 9.3): however it is cut, P-DATA piece by piece, memory within a limit."""

import struct
from dataclasses import dataclass

from exporters.dimse import pdu
from exporters.dimse.errors import ProtocolError
from exporters.dimse.pdu import ControlPdu
from exporters.dimse.reasons import AbortReason

Buffer = bytes | bytearray | memoryview

MAX_CONTROL_LENGTH = (
    1 << 20
)  # 128 contexts with dozens of transfer syntaxes are 300 KB; an identity adds 128 KB at most

_PDU_HEAD = struct.Struct(">BxI")
_HEADS = struct.Struct(">BxIIBB")
_PDV_HEAD = struct.Struct(">IBB")
_SHORT = {pdu.ASSOCIATE_RJ, pdu.RELEASE_RQ, pdu.RELEASE_RP, pdu.ABORT}


@dataclass(slots=True)
class Fragment:
    """A piece of a presentation data value: of the command set or of the data set of a message.

    `data` points into what was fed; it is good until the next `feed` if that was a reused buffer. `last` says that the
    command set or data set ends with it.
    """

    context_id: int
    is_command: bool
    last: bool
    data: memoryview


class PduParser:
    """Reads one direction of an association.

    Feed it what was received, then take what is complete with `next` until that is None. Payload of P-DATA is never
    collected here; other PDUs are, up to `max_control_length` bytes. P-DATA PDUs longer than `max_data_length` are
    refused (0: none is). After a ProtocolError the parser repeats it: the stream has lost its frame.
    """

    __slots__ = ("_at", "_body", "_chunk", "_error", "_kind", "_left", "_pdv", "_pdv_left", "max_control", "max_data")

    def __init__(self, *, max_control_length: int = MAX_CONTROL_LENGTH, max_data_length: int = 0) -> None:
        self.max_control = max_control_length
        self.max_data = max_data_length
        self._chunk: Buffer = b""
        self._at = 0
        self._kind = 0  # of the PDU that is being read; 0: none
        self._left = 0  # bytes of that PDU that are yet to come
        self._pdv: tuple[int, int] | None = None  # context id and control header of the value that is being read
        self._pdv_left = 0
        self._body = bytearray()
        self._error: ProtocolError | None = None

    @property
    def between_pdus(self) -> bool:
        """Whether the stream could end here without cutting a PDU."""
        return not self._kind and self._at == len(self._chunk)

    def feed(self, data: Buffer) -> None:
        """Hand over what was received. Whatever `next` has not read of the feed before is kept (a few header bytes)."""
        if self._at < len(self._chunk):
            data = bytes(self._chunk[self._at :]) + bytes(data)
        self._chunk, self._at = data, 0

    def next(self) -> ControlPdu | Fragment | None:
        """The next PDU or piece of P-DATA; None: more bytes are needed.

        Raises:
            ProtocolError: the bytes are no PDU, or one that passes a limit.
        """
        if self._error is not None:
            raise self._error
        try:
            parsed = self._next()
        except ProtocolError as error:
            self._error = error
            self._chunk, self._at = b"", 0
            self._body.clear()
            raise
        if parsed is None and self._at < len(self._chunk):
            # a head that is not whole yet; a copy, since the caller may receive into the same buffer again
            self._chunk, self._at = bytes(self._chunk[self._at :]), 0
        return parsed

    def _next(self) -> ControlPdu | Fragment | None:
        while True:
            if self._kind == pdu.P_DATA_TF:
                if self._pdv is None and not self._begin_value():
                    return None
                return self._piece()
            if self._kind:
                return self._control()
            there = len(self._chunk) - self._at
            if there < 6:
                return None
            if there >= 12:
                kind, length, value_length, context_id, control = _HEADS.unpack_from(self._chunk, self._at)
                if kind == pdu.P_DATA_TF and 2 <= value_length == length - 4 <= there - 10:
                    return self._whole(length, context_id, control)
            self._begin_pdu()

    def _whole(self, length: int, context_id: int, control: int) -> Fragment:
        """The short way for one whole value in one whole PDU, as responses are: half the time of the long one."""
        if self.max_data and length > self.max_data:
            raise ProtocolError(f"a P-DATA-TF PDU of {length} bytes, where {self.max_data} were agreed")
        start = self._at + 12
        self._at += length + 6
        return Fragment(context_id, bool(control & 1), bool(control & 2), memoryview(self._chunk)[start : self._at])

    def _begin_pdu(self) -> None:
        kind, length = _PDU_HEAD.unpack_from(self._chunk, self._at)
        self._at += 6
        if kind == pdu.P_DATA_TF:
            if self.max_data and length > self.max_data:
                raise ProtocolError(f"a P-DATA-TF PDU of {length} bytes, where {self.max_data} were agreed")
            if length < 6:
                raise ProtocolError(f"a P-DATA-TF PDU of {length} bytes has no presentation data value")
        elif not pdu.ASSOCIATE_RQ <= kind <= pdu.ABORT:
            raise ProtocolError(f"PDU type {kind:#04x} is unknown", AbortReason.UNRECOGNIZED_PDU)
        elif length > (4 if kind in _SHORT else self.max_control):
            raise ProtocolError(f"a PDU of type {kind:#04x} announces {length} bytes")
        self._kind, self._left = kind, length

    def _control(self) -> ControlPdu | None:
        piece = self._chunk[self._at : self._at + self._left]
        self._at += len(piece)
        self._left -= len(piece)
        self._body += piece
        if self._left:
            return None
        kind, body = self._kind, bytes(self._body)
        self._kind = 0
        self._body.clear()
        return pdu.decode_control(kind, body)

    def _begin_value(self) -> bool:
        if len(self._chunk) - self._at < 6:
            return False
        length, context_id, control = _PDV_HEAD.unpack_from(self._chunk, self._at)
        self._at += 6
        if not 2 <= length <= self._left - 4:
            raise ProtocolError(f"a presentation data value announces {length} bytes where {self._left - 4} are left")
        self._left -= length + 4
        if 0 < self._left < 6:
            raise ProtocolError(f"{self._left} bytes are left over after the last presentation data value")
        self._pdv, self._pdv_left = (context_id, control), length - 2
        return True

    def _piece(self) -> Fragment | None:
        assert self._pdv is not None  # noqa: S101  (for the type checker: set by _begin_value)
        context_id, control = self._pdv
        piece = memoryview(self._chunk)[self._at : self._at + self._pdv_left]
        self._at += len(piece)
        self._pdv_left -= len(piece)
        if self._pdv_left:
            return Fragment(context_id, bool(control & 1), False, piece) if piece else None
        self._pdv = None
        if not self._left:
            self._kind = 0
        return Fragment(context_id, bool(control & 1), bool(control & 2), piece)
