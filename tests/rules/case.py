"""What a case of an alert's test is."""

from dataclasses import dataclass, field

STEP = 15  # seconds


@dataclass(frozen=True)
class Case:
    """Series that make the alert true from `onset` on (seconds), and the labels it then has of them."""

    series: dict[str, str]
    labels: dict[str, str] = field(default_factory=dict)
    onset: int = 0
    well: dict[str, str] = field(default_factory=dict)  # series under which it stays silent for ever; none: without any
    words: dict[str, str] = field(default_factory=dict)  # what templates other than labels come to


def steadily(value: float, rate: float = 0) -> str:
    """The value, and what it grows by at every step."""
    return f"{value}{rate:+}x3000"
