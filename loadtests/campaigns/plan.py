"""A campaign's file: typed, and refused with file, line, field and reason."""

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from loadtests.campaigns.shapes import KINDS, Shape

RETRIEVES_ALL = "retrieve"
"""The behaviour that retrieves each stored study once, and ends behind the streams that store."""

STORING = frozenset({"modality", "store", "migration", "operating_room"})
"""The behaviours that store studies of their profiles; for the others profiles say what they read."""
ONE_INSTANCE = "store"
"""The behaviour whose sessions store one instance each."""


class PlanError(ValueError):
    """The campaign's file can't be used; the message names file, line, field and reason."""


class Operation(StrEnum):
    """What is done to the environment, by the names of the standard."""

    C_ECHO = "C-ECHO"
    C_STORE = "C-STORE"
    STOW_RS = "STOW-RS"
    C_FIND = "C-FIND"
    QIDO_RS = "QIDO-RS"
    C_GET = "C-GET"
    C_MOVE = "C-MOVE"
    WADO_RS = "WADO-RS"
    WADO_RS_FRAMES = "WADO-RS frames"
    WADO_RS_RENDERED = "WADO-RS rendered"
    WADO_RS_METADATA = "WADO-RS metadata"
    WADO_RS_BULK = "WADO-RS bulk data"
    WADO_URI = "WADO-URI"
    DELETE = "delete"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Threshold(_Strict):
    """Limits of one operation; what isn't named isn't limited. Latency counts from the intended start."""

    failures: int | None = Field(default=None, ge=0, description="at most so many failures")
    unknown: int | None = Field(default=None, ge=0, description="at most so many without an answer")
    p50_seconds: float | None = Field(default=None, gt=0, description="median of the latency at most")
    p95_seconds: float | None = Field(default=None, gt=0, description="95th percentile of the latency at most")
    p99_seconds: float | None = Field(default=None, gt=0, description="99th percentile of the latency at most")
    instances_per_second: float | None = Field(default=None, gt=0, description="rate at least")
    megabytes_per_second: float | None = Field(default=None, gt=0, description="rate at least, of 1,000,000 bytes")


class StreamPlan(_Strict):
    """One kind of users: what they do, and how many or how often."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", description="names it in reports; default: the behaviour")
    behaviour: str = Field(description="what a session does")
    protocol: Literal["dimse", "dicomweb", "wado_uri"] = Field(default="dimse", description="over which protocol")
    users: int | None = Field(default=None, ge=1, le=10_000, description="closed: sessions at a time, without a pause")
    per_hour: float | None = Field(default=None, gt=0, description="open: sessions that begin in an hour at factor 1")
    per_second: float | None = Field(
        default=None, gt=0, description="open: sessions that begin in a second at factor 1"
    )
    at_most: int = Field(
        default=64, ge=1, le=10_000, description="open: sessions at a time; later ones wait, and it counts"
    )
    arrivals: Literal["poisson", "regular"] = Field(default="poisson", description="open: how arrivals lie in time")
    sessions: int | None = Field(default=None, ge=1, description="ends after so many")
    profiles: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict, description="profile -> weight")
    instances: int | None = Field(
        default=None, ge=1, le=100_000, description="of a study, instead of the profile's own"
    )
    megabytes_per_second: float | None = Field(default=None, gt=0, description="pace of the stream as a whole")
    pace_seconds: float = Field(default=0, ge=0, le=3600, description="modality: between the instances of a burst")
    options: dict[str, Any] = Field(default_factory=dict, description="of the behaviour, checked by its own model")

    @model_validator(mode="before")
    @classmethod
    def _named(cls, data: Any) -> Any:
        if isinstance(data, dict) and "name" not in data and isinstance(data.get("behaviour"), str):
            return {**data, "name": data["behaviour"].replace("_", "-")}
        return data

    @model_validator(mode="after")
    def _one_load(self) -> Self:
        given = [name for name in ("users", "per_hour", "per_second") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                "exactly one of users, per_hour and per_second must be set"
                f" ({' and '.join(given)} are): sessions begin either after each other or at their time"
                if given
                else "one of users (closed), per_hour and per_second (open) must be set: else nothing would begin"
            )
        if self.users is not None and self.model_fields_set & {"at_most", "arrivals"}:
            raise ValueError(
                "at_most and arrivals cannot be set with users: a closed stream has no arrivals of its own"
            )
        return self

    @property
    def rate(self) -> float | None:
        """Sessions a second at factor 1 of an open stream."""
        return self.per_second if self.per_hour is None else self.per_hour / 3600

    @property
    def retrieves_all(self) -> bool:
        """Whether it follows the streams that store (see `RETRIEVES_ALL`)."""
        return self.behaviour == RETRIEVES_ALL

    def at_a_time(self, peak: float) -> int:
        """Sessions at a time where the shape is at its peak."""
        return self.at_most if self.users is None else max(1, math.ceil(self.users * peak - 1e-9))


def _no_list(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return value


class Plan(_Strict):
    """A whole campaign."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", description="names the report's folder")
    title: str = Field(min_length=1, max_length=100, description="heads the report")
    seed: int = Field(default=1, ge=0, description="of data and arrivals; the same seed makes the same")
    shape: Shape = Field(description="how long, and how the load changes meanwhile")
    limit_seconds: float | None = Field(default=None, gt=0, description="cut off after this time")
    factor: float = Field(default=1, gt=0, le=1000, description="multiplies rates, users and paces of all streams")
    streams: Annotated[tuple[StreamPlan, ...], BeforeValidator(_no_list)] = Field(min_length=1, max_length=100)
    answer_timeout_seconds: float = Field(default=30, gt=0, le=3600, description="then an operation has no answer")
    thresholds: dict[str, Threshold] = Field(
        default_factory=dict, description="OPERATION or STREAM/OPERATION -> limits"
    )

    @property
    def seconds(self) -> float:
        """After which it ends at the latest."""
        return min(self.shape.seconds, self.limit_seconds or self.shape.seconds)

    @property
    def finite(self) -> bool:
        """Whether it ends by itself before its time, when all has been done."""
        return all(stream.sessions or stream.retrieves_all for stream in self.streams)

    def stream(self, name: str) -> StreamPlan:
        """The stream of this name. Raises KeyError."""
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise KeyError(name)

    def with_factor(self, factor: float) -> "Plan":
        """The same with this factor instead of the file's."""
        return Plan.model_validate({**self.model_dump(exclude_unset=True), "factor": factor})

    def with_seconds(self, seconds: float) -> "Plan":
        """The same shape in another time. Raises ValidationError where it doesn't fit."""
        data = self.model_dump(exclude_unset=True)
        return Plan.model_validate({**data, "shape": {**data["shape"], "seconds": seconds}})

    def with_limit(self, seconds: float) -> "Plan":
        """The same, cut off after this time."""
        return self.model_copy(update={"limit_seconds": seconds})

    def with_sessions(self, total: int) -> "Plan":
        """The same with so many sessions in all finite streams together, in their proportions; at least one each."""
        whole = sum(stream.sessions or 0 for stream in self.streams)
        if not whole:
            raise PlanError(f"campaign {self.name} has no stream with `sessions`: it ends after its time (--limit)")
        streams, given, seen = [], 0, 0
        for stream in self.streams:
            if stream.sessions:
                seen += stream.sessions
                share = max(1, round(total * seen / whole) - given)
                given += share
                stream = stream.model_copy(update={"sessions": share})
            streams.append(stream)
        return self.model_copy(update={"streams": tuple(streams)})


def load(name_or_path: str) -> Plan:
    """The campaign of this name among those here, or from a file of this path.

    Raises:
        PlanError: in one line.
    """
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = Path(__file__).with_name(f"{name_or_path}.yaml")
        if not path.exists():
            known = ", ".join(sorted(file.stem for file in path.parent.glob("*.yaml")))
            raise PlanError(f"there is no campaign {name_or_path!r}: one of {known}, or the path of a .yaml file")
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise PlanError(f"{path}: {getattr(error, 'strerror', None) or 'no UTF-8'}") from None
    return parse(text, str(path))


def parse(text: str, where: str) -> Plan:
    """The campaign that this YAML text says; `where` it is from goes into messages.

    Raises:
        PlanError: in one line.
    """
    try:
        node, data = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        raise PlanError(
            f"{where}, line {mark.line + 1 if mark else 1}: no YAML: {problem or ' '.join(str(error).split())}"
        ) from None
    path: tuple[str | int, ...]
    try:
        plan = Plan.model_validate(data)
        found = contradiction(plan) or unknown(plan)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path, said = first["loc"], first["msg"].removeprefix("Value error, ")
    else:
        if found is None:
            return plan
        path, said = found
    if path[:1] == ("shape",) and path[1:2] in {(kind,) for kind in KINDS}:
        path = path[:1] + path[2:]  # the kind is pydantic's step, no field
    field = ".".join(map(str, path)) or "the whole"
    raise PlanError(f"{where}, line {_line(node, path)}: {field}: {said}")


def contradiction(plan: Plan) -> tuple[tuple[str | int, ...], str] | None:
    """The first field that doesn't fit to another one, as its path and the reason."""
    names = [stream.name for stream in plan.streams]
    for index, name in enumerate(names):
        if name in names[:index]:
            return ("streams", index, "name"), f"{name!r} is there twice: set `name` where a behaviour is used twice"
    for key in plan.thresholds:
        stream, _, operation = key.rpartition("/")
        if operation not in set(Operation):
            return ("thresholds", key), f"no operation: one of {', '.join(Operation)}, alone or behind STREAM/"
        if stream and stream not in names:
            return ("thresholds", key), f"there is no stream {stream!r}: one of {', '.join(names)}"
    if all(stream.retrieves_all for stream in plan.streams):
        return ("streams",), f"there must be one that isn't {RETRIEVES_ALL}: nothing would be stored"
    return None


def unknown(plan: Plan) -> tuple[tuple[str | int, ...], str] | None:
    """The first behaviour, option or profile of the streams that there isn't, as the field's path and the reason."""
    from loadtests.profiles import catalogue
    from loadtests.users import OPTIONS

    for index, stream in enumerate(plan.streams):
        at: tuple[str | int, ...] = ("streams", index)
        if (model := OPTIONS.get((stream.behaviour, stream.protocol))) is None:
            behaviours = sorted({behaviour for behaviour, _ in OPTIONS})
            if stream.behaviour not in behaviours:
                return (*at, "behaviour"), f"there is no behaviour {stream.behaviour!r}: one of {', '.join(behaviours)}"
            protocols = ", ".join(protocol for behaviour, protocol in OPTIONS if behaviour == stream.behaviour)
            return (*at, "protocol"), f"{stream.behaviour} has no {stream.protocol}: one of {protocols}"
        try:
            model.model_validate(stream.options)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return (*at, "options", *first["loc"]), first["msg"].removeprefix("Value error, ")
        for name in stream.profiles:
            if name not in catalogue.names():
                return (*at, "profiles", name), f"there is no such profile: one of {', '.join(catalogue.names())}"
    return None


def _line(node: Any, path: tuple[str | int, ...]) -> int:
    """The line of the deepest node on the path that the file has."""
    line = node.start_mark.line + 1 if node else 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
            if not found:
                continue  # pydantic names the kind of a shape too, which is no key of the file
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = [(node.value[step], node.value[step])]
        else:
            break
        line, node = found[0][0].start_mark.line + 1, found[0][1]
    return line
