"""How operations end that don't fail. Times in seconds, of a monotonic clock."""

from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from exporters.dimse.command import Command
from exporters.dimse.stream import Buffer
from loadtests.engine.errors import StatusError


class Storable(Protocol):
    """What C-STORE needs to know of an instance; its data set lies in one buffer after the other."""

    @property
    def sop_class_uid(self) -> str: ...
    @property
    def sop_instance_uid(self) -> str: ...
    @property
    def transfer_syntax(self) -> str: ...
    @property
    def buffers(self) -> tuple[Buffer, ...]: ...


AnyStorable = TypeVar("AnyStorable", bound=Storable)


class Answer(NamedTuple):
    """Status (success or a warning), duration, and how much of it the sending of the request took."""

    status: int
    seconds: float
    request_seconds: float = 0.0


@dataclass(slots=True, frozen=True)
class Stored(Generic[AnyStorable]):
    """The answer to one of many C-STOREs; `error` is there where the peer refused it."""

    instance: AnyStorable
    status: int
    started: float
    ended: float
    error: StatusError | None


@dataclass(slots=True, frozen=True)
class Retrieved:
    """How a C-GET or C-MOVE ended: status, duration, and the number of sub-operations of each outcome."""

    status: int
    seconds: float
    completed: int
    failed: int
    warning: int

    @classmethod
    def of(cls, final: Command, seconds: float) -> "Retrieved":
        """From the final response."""
        counts = (final.completed_suboperations, final.failed_suboperations, final.warning_suboperations)
        return cls(final.status or 0, seconds, *(count or 0 for count in counts))
