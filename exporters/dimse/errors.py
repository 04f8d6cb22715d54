"""What can go wrong in the codec; nothing else is ever raised because of a peer's bytes."""

from exporters.dimse.reasons import AbortReason


class DimseError(Exception):
    """Any error of the codec."""


class ProtocolError(DimseError):
    """The peer's bytes violate PS3.7 or PS3.8, or pass a limit; the association can't go on.

    `abort_reason` is the reason to name in the A-ABORT that answers it (PS3.8 section 9.3.8).
    """

    def __init__(self, message: str, abort_reason: AbortReason = AbortReason.INVALID_PDU_PARAMETER_VALUE) -> None:
        super().__init__(message)
        self.abort_reason = abort_reason


class UsageError(DimseError, ValueError):
    """The caller asked for what the standard, or the association's state, does not allow; nothing was sent."""


class NoContextError(UsageError):
    """The peer accepted no presentation context for what is to be sent."""
