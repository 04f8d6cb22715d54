"""Status codes of DIMSE responses and their classes (PS3.7 annex C)."""

from enum import StrEnum
from typing import Final

SUCCESS: Final = 0x0000
CANCEL: Final = 0xFE00
PENDING: Final = 0xFF00
PENDING_WITH_WARNING: Final = 0xFF01
SOP_CLASS_NOT_SUPPORTED: Final = 0x0122
UNRECOGNIZED_OPERATION: Final = 0x0211
OUT_OF_RESOURCES: Final = 0xA700


class StatusClass(StrEnum):
    """The five classes."""

    SUCCESS = "success"
    WARNING = "warning"
    FAILURE = "failure"
    CANCEL = "cancel"
    PENDING = "pending"


def status_class(status: int) -> StatusClass:
    """The class of a status; one that the standard gives no class is a failure."""
    if status == SUCCESS:
        return StatusClass.SUCCESS
    if status in (PENDING, PENDING_WITH_WARNING):
        return StatusClass.PENDING
    if status == CANCEL:
        return StatusClass.CANCEL
    if status in (0x0001, 0x0107, 0x0116) or 0xB000 <= status <= 0xBFFF:
        return StatusClass.WARNING
    return StatusClass.FAILURE
