"""The standard's words for rejections, aborts and the results of presentation contexts (PS3.8 section 9.3).

A peer may send numbers that the standard reserves: the enumerations answer those with `RESERVED`, so that a word is
always one of a known few (they become label values).
"""

from enum import IntEnum
from typing import Self


class _Word(IntEnum):
    @classmethod
    def _missing_(cls, _value: object) -> Self:
        return cls["RESERVED"]


class RejectResult(_Word):
    """Result of A-ASSOCIATE-RJ."""

    RESERVED = -1
    REJECTED_PERMANENT = 1
    REJECTED_TRANSIENT = 2


class RejectSource(_Word):
    """Who rejected."""

    RESERVED = -1
    SERVICE_USER = 1
    SERVICE_PROVIDER_ACSE = 2
    SERVICE_PROVIDER_PRESENTATION = 3


class AbortSource(_Word):
    """Who aborted."""

    RESERVED = -1
    SERVICE_USER = 0
    SERVICE_PROVIDER = 2


class AbortReason(_Word):
    """Reason of an A-ABORT by the service provider; without meaning if the user aborted."""

    RESERVED = -1
    NOT_SPECIFIED = 0
    UNRECOGNIZED_PDU = 1
    UNEXPECTED_PDU = 2
    UNRECOGNIZED_PDU_PARAMETER = 4
    UNEXPECTED_PDU_PARAMETER = 5
    INVALID_PDU_PARAMETER_VALUE = 6


class ContextResult(_Word):
    """Result of one presentation context in A-ASSOCIATE-AC."""

    RESERVED = -1
    ACCEPTANCE = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


REJECT_WORDS = {
    (1, 1): "no-reason-given",
    (1, 2): "application-context-name-not-supported",
    (1, 3): "calling-AE-title-not-recognized",
    (1, 7): "called-AE-title-not-recognized",
    (2, 1): "no-reason-given",
    (2, 2): "protocol-version-not-supported",
    (3, 1): "temporary-congestion",
    (3, 2): "local-limit-exceeded",
}


def reject_words(source: int, reason: int) -> str:
    """The reason of a rejection in the standard's words (PS3.8 table 9-21), else `reserved`."""
    return REJECT_WORDS.get((source, reason), "reserved")


def words(member: IntEnum) -> str:
    """An enumeration member as the standard writes it: `rejected-permanent`."""
    return member.name.lower().replace("_", "-")
