"""Shapes of a campaign: how the load changes while it runs. Each is a factor on the rates and users of all streams."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from loadtests.campaigns.curve import Curve

HOURS = 24
MAX_SECONDS = 7 * 86_400


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    seconds: float = Field(gt=0, le=MAX_SECONDS, description="how long the campaign lasts at most")


class Steady(_Shape):
    """The same from the beginning to the end."""

    kind: Literal["steady"] = "steady"

    def curve(self) -> Curve:
        """Factor 1."""
        return Curve([(0, 1), (self.seconds, 1)])


class Soak(_Shape):
    """The same for so long that leaks and drift show; the report looks for them."""

    kind: Literal["soak"] = "soak"

    def curve(self) -> Curve:
        """Factor 1."""
        return Curve([(0, 1), (self.seconds, 1)])


class Ramp(_Shape):
    """Evenly from one factor to another."""

    kind: Literal["ramp"] = "ramp"
    first: float = Field(default=0, ge=0, le=1000, description="factor at the beginning")
    last: float = Field(default=1, ge=0, le=1000, description="factor at the end")

    @model_validator(mode="after")
    def _some_load(self) -> Self:
        if not self.first + self.last:
            raise ValueError("first and last cannot both be 0: there would be no load")
        return self

    def curve(self) -> Curve:
        """A straight line."""
        return Curve([(0, self.first), (self.seconds, self.last)])


class Steps(_Shape):
    """Up step by step until the environment doesn't follow (the knee); then the campaign ends by itself."""

    kind: Literal["steps"] = "steps"
    step_seconds: float = Field(default=20, ge=1, le=3600, description="length of a step")
    first: float = Field(default=1, gt=0, le=1000, description="factor of the first step")
    plus: float = Field(default=0, ge=0, le=1000, description="added with each step")
    times: float = Field(default=1, ge=1, le=10, description="multiplied with each step")
    achieved_ratio: float = Field(
        default=0.95, gt=0, le=1, description="the knee: less than this part of what was offered is done"
    )
    p99_seconds: float | None = Field(
        default=None, gt=0, description="the knee: or the step's 99th percentile of latency is over this"
    )

    @model_validator(mode="after")
    def _upwards(self) -> Self:
        if not self.plus and self.times == 1:
            raise ValueError("plus cannot be 0 where times is 1: the steps would not go up")
        if self.step_seconds * 2 > self.seconds:
            raise ValueError("seconds must hold two steps at least: a knee is seen by comparison")
        return self

    def factors(self) -> list[float]:
        """Of each step that begins within the campaign."""
        found: list[float] = []
        factor = self.first
        while len(found) * self.step_seconds < self.seconds:
            found.append(factor)
            factor = factor * self.times + self.plus
        return found

    def curve(self) -> Curve:
        """A flight of stairs."""
        points = []
        for step, factor in enumerate(self.factors()):
            begin = step * self.step_seconds
            points += [(begin, factor), (min(begin + self.step_seconds, self.seconds), factor)]
        return Curve(points)


class Spike(_Shape):
    """Factor 1, in between for a while much more, and 1 again: does it recover?"""

    kind: Literal["spike"] = "spike"
    peak: float = Field(default=5, gt=1, le=1000, description="factor of the spike")
    at_seconds: float = Field(gt=0, description="when the spike begins")
    for_seconds: float = Field(gt=0, description="how long it lasts")

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.at_seconds + self.for_seconds >= self.seconds:
            raise ValueError(
                "at_seconds + for_seconds must be less than seconds: whether it recovers is what is looked at"
            )
        return self

    def curve(self) -> Curve:
        """With two jumps."""
        begin, end = self.at_seconds, self.at_seconds + self.for_seconds
        return Curve([(0, 1), (begin, 1), (begin, self.peak), (end, self.peak), (end, 1), (self.seconds, 1)])


class Day(_Shape):
    """A day's 24 hours within `seconds`; the weights' mean is factor 1, so that rates are the day's means."""

    kind: Literal["day"] = "day"
    hours: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        min_length=HOURS, max_length=HOURS, description="weight of each hour from midnight on"
    )

    @model_validator(mode="after")
    def _some_load(self) -> Self:
        if not sum(self.hours):
            raise ValueError("hours cannot all be 0: there would be no load")
        return self

    def curve(self) -> Curve:
        """Constant within an hour."""
        mean, hour = sum(self.hours) / HOURS, self.seconds / HOURS
        return Curve(
            [(at * hour, weight / mean) for number, weight in enumerate(self.hours) for at in (number, number + 1)]
        )


Shape = Annotated[Steady | Soak | Ramp | Steps | Spike | Day, Field(discriminator="kind")]
KINDS = frozenset(shape.model_fields["kind"].default for shape in (Steady, Soak, Ramp, Steps, Spike, Day))
