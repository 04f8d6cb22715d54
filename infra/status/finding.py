"""What a line of the status says, and how bad it is."""

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad; the whole is as bad as its worst line. The value is the command's exit code."""

    WELL = 0
    WRONG = 1
    UNKNOWN = 2


@dataclass(frozen=True)
class Finding:
    """One line."""

    level: Level
    what: str
    text: str


@dataclass(frozen=True)
class Section:
    """Lines under a title."""

    title: str
    findings: tuple[Finding, ...]


def well(what: str, text: str) -> Finding:
    """As it should be."""
    return Finding(Level.WELL, what, text)


def wrong(what: str, text: str) -> Finding:
    """Somebody has to do something."""
    return Finding(Level.WRONG, what, text)


def unknown(what: str, text: str) -> Finding:
    """Whoever would know can't be asked."""
    return Finding(Level.UNKNOWN, what, text)
