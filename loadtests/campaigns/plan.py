"""A campaign's file: typed, and refused with file, line, field and reason."""

from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator


class PlanError(ValueError):
    """The campaign's file can't be used; the message names file, line, field and reason."""


class Operation(StrEnum):
    """What is done to the environment, by the names of the standard."""

    C_STORE = "C-STORE"
    STOW_RS = "STOW-RS"
    C_FIND = "C-FIND"
    QIDO_RS = "QIDO-RS"
    C_GET = "C-GET"
    WADO_RS = "WADO-RS"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StudyKind(_Strict):
    """Studies of one profile."""

    profile: Literal["ct", "mr", "us"] = Field(description="what modality they come from")
    count: int = Field(ge=1, le=100_000, description="studies of this kind")
    instances: int = Field(ge=1, le=9_999, description="instances of each")


class Users(_Strict):
    """How many work at a time."""

    c_store: int = Field(default=0, ge=0, le=1000, description="modalities that store by C-STORE")
    stow_rs: int = Field(default=0, ge=0, le=1000, description="modalities that store by STOW-RS")
    c_get: int = Field(default=0, ge=0, le=1000, description="readers that query by C-FIND and retrieve by C-GET")
    wado_rs: int = Field(default=0, ge=0, le=1000, description="readers that query by QIDO-RS and retrieve by WADO-RS")

    @model_validator(mode="after")
    def _somebody_stores(self) -> Self:
        if not self.c_store + self.stow_rs:
            raise ValueError("c_store and stow_rs cannot both be 0: there would be nothing to retrieve")
        return self


class Threshold(_Strict):
    """Limits of one operation; what isn't named isn't limited."""

    failures: int | None = Field(default=None, ge=0, description="at most so many failures")
    unknown: int | None = Field(default=None, ge=0, description="at most so many without an answer")
    p50_seconds: float | None = Field(default=None, gt=0, description="median of the latency at most")
    p95_seconds: float | None = Field(default=None, gt=0, description="95th percentile of the latency at most")
    p99_seconds: float | None = Field(default=None, gt=0, description="99th percentile of the latency at most")
    instances_per_second: float | None = Field(default=None, gt=0, description="rate at least")


class Plan(_Strict):
    """A whole campaign."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$", description="names the report's folder")
    title: str = Field(min_length=1, max_length=100, description="heads the report")
    seed: int = Field(default=1, ge=0, description="of the pixel data; the same seed makes the same")
    limit_seconds: float = Field(default=60, gt=0, le=86_400, description="the load ends after this time at the latest")
    studies: tuple[StudyKind, ...] = Field(min_length=1)
    users: Users
    stow_instances_per_request: int = Field(default=8, ge=1, le=500)
    answer_timeout_seconds: float = Field(default=30, gt=0, le=3600, description="then an operation has no answer")
    thresholds: dict[Operation, Threshold] = Field(default_factory=dict)

    def with_studies(self, total: int) -> "Plan":
        """The same with this many studies, in the proportions of the file; each kind keeps one if there is room."""
        whole = sum(kind.count for kind in self.studies)
        kinds, given, seen = [], 0, 0
        for kind in self.studies:
            seen += kind.count
            share = round(total * seen / whole) - given
            given += share
            if share:
                kinds.append(kind.model_copy(update={"count": share}))
        return self.model_copy(update={"studies": tuple(kinds)})


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
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except OSError as error:
        raise PlanError(f"{path}: {error.strerror}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise PlanError(f"{path}, line {line}: no YAML: {error.problem}") from None
    try:
        return Plan.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "the whole"
        raise PlanError(f"{path}, line {_line(node, first['loc'])}: {field}: {first['msg']}") from None


def _line(node: Any, path: tuple[str | int, ...]) -> int:
    """The line of the deepest node on the path that the file has."""
    line = node.start_mark.line + 1 if node else 1
    for step in path:
        if isinstance(node, yaml.MappingNode):
            found = [(key, value) for key, value in node.value if key.value == step]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            found = [(node.value[step], node.value[step])]
        else:
            break
        if not found:
            break
        line, node = found[0][0].start_mark.line + 1, found[0][1]
    return line
