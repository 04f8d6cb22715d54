"""What a view consists of: panels with a title, a unit, queries and a kind, for Grafana and the page alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypedDict, Unpack

WINDOW: Final = "$window"
"""In a query: the time over which a rate is taken, as long as the picture's resolution asks for."""

CALLING: Final = "$calling"
"""In a query: the calling AE title that makes load."""


class Kind(StrEnum):
    """How a panel is drawn."""

    TIME_SERIES = "time-series"
    HEAT_MAP = "heat-map"  # one query: a histogram's buckets by `le`, as increases over $window
    STAT = "stat"  # one query, one number
    TABLE = "table"  # one query: a row per series, its labels and its value


class Unit(StrEnum):
    """Units by Grafana's names."""

    NUMBER = "short"
    SECONDS = "s"
    DAYS = "d"
    BYTES = "bytes"
    BYTES_PER_SECOND = "binBps"
    PER_SECOND = "suffix:/s"
    RATIO = "percentunit"  # 0 to 1, shown as per cent


@dataclass(frozen=True)
class Limits:
    """From which value on a number is a warning, and from which critical. A warning above the critical: low is bad."""

    warning: float
    critical: float

    @property
    def low_is_bad(self) -> bool:
        """Whether falling below is what worries."""
        return self.warning > self.critical


@dataclass(frozen=True)
class Query:
    """PromQL, and what a series of its result is called: `{{label}}` stands for a label's value."""

    promql: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One picture of one question."""

    title: str
    kind: Kind
    unit: Unit
    queries: tuple[Query, ...]
    about: str
    """One sentence for somebody who sees it for the first time."""
    jobs: tuple[str, ...] = ()
    """Prometheus' jobs that it is drawn from: where no target of a job answers, a number isn't shown as current."""
    limits: Limits | None = None
    words: Mapping[float, str] = field(default_factory=lambda: MappingProxyType({}))
    """Values that are said in words."""
    stacked: bool = False
    empty_when: str = ""
    """Why there may be nothing to see in a sound environment under load; empty: then there is something."""

    def __post_init__(self) -> None:
        if not self.queries or (self.kind is not Kind.TIME_SERIES and len(self.queries) != 1):
            raise ValueError(f"{self.title}: a {self.kind} has one query")
        if self.kind is Kind.STAT and any(WINDOW in query.promql for query in self.queries):
            raise ValueError(f"{self.title}: a number has no resolution, so that {WINDOW} means nothing in it")


@dataclass(frozen=True)
class Dashboard:
    """A view: numbers first, then pictures."""

    uid: str
    title: str
    about: str
    panels: tuple[Panel, ...]


class More(TypedDict, total=False):
    """What a panel may say beside title, unit, query and sentence; `Panel` has the meanings."""

    jobs: tuple[str, ...]
    limits: Limits
    words: Mapping[float, str]
    stacked: bool
    empty_when: str


def stat(title: str, unit: Unit, promql: str, about: str, **more: Unpack[More]) -> Panel:
    """A number."""
    return Panel(title, Kind.STAT, unit, (Query(promql),), about, **more)


def series(title: str, unit: Unit, about: str, *queries: Query, **more: Unpack[More]) -> Panel:
    """Lines over time."""
    return Panel(title, Kind.TIME_SERIES, unit, queries, about, **more)


def heat_map(title: str, histogram: str, about: str, **more: Unpack[More]) -> Panel:
    """A histogram of seconds over time; `histogram` is a selector like `name_bucket{operation="C-STORE"}`."""
    query = Query(f"sum by (le) (increase({histogram}[{WINDOW}]))", "{{le}}")
    return Panel(title, Kind.HEAT_MAP, Unit.SECONDS, (query,), about, **more)


def table(title: str, unit: Unit, promql: str, about: str, **more: Unpack[More]) -> Panel:
    """Rows."""
    return Panel(title, Kind.TABLE, unit, (Query(promql),), about, **more)
