"""Unique identifiers: the few that this project names, and new ones (PS3.5 chapter 9, annex B.2; PS3.6 annex A)."""

import re
import uuid
from typing import Final

APPLICATION_CONTEXT: Final = "1.2.840.10008.3.1.1.1"

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"

VERIFICATION: Final = "1.2.840.10008.1.1"
STORAGE_COMMITMENT_PUSH_MODEL: Final = "1.2.840.10008.1.20.1"
STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE: Final = "1.2.840.10008.1.20.1.1"
PATIENT_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.1.1"
PATIENT_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.1.2"
PATIENT_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.1.3"
STUDY_ROOT_FIND: Final = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE: Final = "1.2.840.10008.5.1.4.1.2.2.2"
STUDY_ROOT_GET: Final = "1.2.840.10008.5.1.4.1.2.2.3"
MODALITY_WORKLIST_FIND: Final = "1.2.840.10008.5.1.4.31"
SECONDARY_CAPTURE_IMAGE_STORAGE: Final = "1.2.840.10008.5.1.4.1.1.7"

IMPLEMENTATION_CLASS: Final = "2.25.146793226034873410290467195637853092381"
IMPLEMENTATION_VERSION: Final = "VNAOPS_1"

MAX_LENGTH: Final = 64
_VALID = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+")


def new_uid() -> str:
    """A new unique identifier, from a random UUID under the arc 2.25 (PS3.5 annex B.2); 44 characters at most."""
    return f"2.25.{uuid.uuid4().int}"


def is_valid(uid: str) -> bool:
    """Whether it has the form of PS3.5 section 9.1: components without leading zeros, 64 characters at most."""
    return len(uid) <= MAX_LENGTH and _VALID.fullmatch(uid) is not None
