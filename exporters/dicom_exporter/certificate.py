"""When an X.509 certificate ends, from its DER (RFC 5280 section 4.1): Python decodes only what it has verified."""

from datetime import UTC, datetime

_SEQUENCE, _VERSION, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def not_after(der: bytes) -> float:
    """The end in seconds since the epoch. Raises ValueError if it is no certificate."""
    try:
        tbs = _content(_content(der, 0, _SEQUENCE), 0, _SEQUENCE)
        at = _end(tbs, 0) if tbs[0] == _VERSION else 0
        for _ in ("serial number", "signature", "issuer"):
            at = _end(tbs, at)
        validity = _content(tbs, at, _SEQUENCE)
        at = _end(validity, 0)
        return _seconds(validity[at], _content(validity, at, validity[at]))
    except IndexError:
        raise ValueError("a certificate ends within an element") from None


def _head(data: bytes, at: int) -> tuple[int, int]:
    """Where the content of the element at `at` begins and ends."""
    length, begin = data[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        begin += count
        length = int.from_bytes(data[at + 2 : begin])
    if begin + length > len(data):
        raise ValueError("an element of a certificate is longer than what holds it")
    return begin, begin + length


def _end(data: bytes, at: int) -> int:
    return _head(data, at)[1]


def _content(data: bytes, at: int, tag: int) -> bytes:
    if data[at] != tag:
        raise ValueError(f"a certificate has an element of type {data[at]:#04x} where {tag:#04x} belongs")
    begin, end = _head(data, at)
    return data[begin:end]


def _seconds(tag: int, text: bytes) -> float:
    digits = text.decode("ascii").removesuffix("Z")
    if tag == _UTC_TIME:
        digits = ("19" if digits >= "50" else "20") + digits  # RFC 5280 section 4.1.2.5.1
    elif tag != _GENERALIZED_TIME:
        raise ValueError(f"a certificate's end is of type {tag:#04x}")
    return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
