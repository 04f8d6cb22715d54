"""The settings of the service level objectives: what a hospital may expect of its archive, in figures."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

from infra.setting_types import Section

PERIOD_DAYS: Final = 30
LEAST_SCRAPES_SECONDS: Final = 60
"""The shortest window is 5 minutes; a rate over it needs some samples even when a scrape fails."""

BOUNDARIES: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
"""Seconds: the bounds of the histograms' buckets (exporters/dimse_tap/metrics.py; the balancer's log has the same)."""

FASTEST_BURN: Final = 14.4
"""The quickest page fires at so many times the budget: 2 % of 30 days' budget in an hour (SRE workbook, chapter 5)."""


def _objective(value: float) -> float:
    least = 100 * (1 - 1 / FASTEST_BURN)
    if not least < value < 100:
        raise ValueError(
            f"an objective is a percentage above {least:.2f} and below 100: with less, a total failure "
            f"could not reach {FASTEST_BURN} times the budget, and with 100 there is no budget"
        )
    return value


def _boundary(value: float) -> float:
    if value not in BOUNDARIES:
        raise ValueError(
            f"a latency is judged at a bound of the histograms' buckets: {', '.join(f'{one:g}' for one in BOUNDARIES)}"
        )
    return value


class Objective(Section):
    """So many per cent of the events of 30 days are good."""

    objective: Annotated[float, AfterValidator(_objective)] = Field(description="per cent of events that are good")


class LatencyObjective(Objective):
    """So many per cent of the operations of 30 days are answered in time."""

    seconds: Annotated[float, AfterValidator(_boundary)] = Field(description="what is in time, in seconds")


class SloSettings(Section):
    """Each with its default; null takes one away. Every one has a page and a ticket, by how fast its budget burns."""

    store_success: Objective | None = Field(
        default=Objective(objective=99.95), description="C-STORE is not answered with a failure"
    )
    store_latency: LatencyObjective | None = Field(
        default=LatencyObjective(objective=99, seconds=5), description="C-STORE, from its first byte to its answer"
    )
    retrieve_dimse: LatencyObjective | None = Field(
        default=LatencyObjective(objective=95, seconds=2.5), description="first image of a C-MOVE or C-GET"
    )
    retrieve_wado: LatencyObjective | None = Field(
        default=LatencyObjective(objective=95, seconds=2.5), description="first byte of a WADO-RS answer"
    )
    query: LatencyObjective | None = Field(
        default=LatencyObjective(objective=95, seconds=1), description="C-FIND, whole and without failure"
    )
    front_door: Objective | None = Field(
        default=Objective(objective=99.9), description="the prober's C-ECHO through the front door succeeds"
    )

    @property
    def declared(self) -> bool:
        """Whether there is any."""
        return any(getattr(self, field) is not None for field in type(self).model_fields)
