"""What a kind of resource is to the provider."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, ClassVar

from infra.providers.vnaops.inputs import Inputs
from infra.providers.vnaops.patience import Patience

Properties = Mapping[str, Any]  # by Pulumi's names, secrets unwrapped


@dataclass(frozen=True)
class Found:
    """A resource as it is: its id, what a program would have to say for it, and its state."""

    id: str
    inputs: Properties
    state: Properties


class Kind(ABC):
    """A kind of resource. Its state is its inputs and what is `computed`; all of these raise `RefusalError`."""

    inputs: ClassVar[type[Inputs]]
    computed: ClassVar[frozenset[str]]
    secret: ClassVar[frozenset[str]]  # of inputs and state
    patience_seconds: ClassVar[float] = 300.0  # for an operation whose resource has no customTimeouts

    def replacing(self, changed: Set[str], state: Properties, news: Properties) -> Set[str]:  # noqa: ARG002  (the signature)
        """Those of the changed inputs that can't be had by an update."""
        return frozenset()

    def stale(self, state: Properties, news: Properties) -> Set[str]:  # noqa: ARG002
        """Computed values that are to be made anew although no input changed."""
        return frozenset()

    def unknown_after_update(self, changed: Set[str], state: Properties, news: Properties) -> Set[str]:  # noqa: ARG002
        """Computed values that only the update itself will tell."""
        return self.stale(state, news)

    @abstractmethod
    def create(self, urn: str, news: Properties, patience: Patience) -> tuple[str, Properties]:
        """Make it; its id and state. A `HalfMadeError` says that it exists and the next update is to finish it."""

    @abstractmethod
    def read(self, identity: str, urn: str, inputs: Properties, state: Properties) -> Found | None:
        """As it is; None when it is gone. Without a state it is an import, and `identity` what the user gave for it."""

    @abstractmethod
    def update(self, identity: str, urn: str, state: Properties, news: Properties, patience: Patience) -> Properties:
        """Change it in place; the new state."""

    @abstractmethod
    def delete(self, identity: str, state: Properties, patience: Patience) -> None:
        """Remove it; fine when it is gone."""


def names_of(model: type[Inputs]) -> frozenset[str]:
    """Pulumi's names of a model's properties."""
    return frozenset(field.alias or name for name, field in model.model_fields.items())
