"""The class that a provider derives from: plain Python methods with typed requests, no gRPC in sight."""

# ruff: noqa: ARG002  (defaults that need none of what they are given)

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from infra.providers.base.detailed_diff import Change, Path
from infra.providers.base.engine import Call
from infra.providers.base.values import Properties


class ProviderError(Exception):
    """Something that the user is told in the message's words; the resource's state stays what it was."""


class CancelledError(ProviderError):
    """The user interrupted."""


class InitializationError(ProviderError):
    """The resource exists, but not as it should be: the state keeps it with the reasons, the next `up` updates it.

    Args:
        message: what went wrong, one line.
        id: the resource's id.
        properties: its state.
        reasons: each thing that is wrong.
        inputs: its inputs, where `read` finds it so.
    """

    def __init__(
        self, message: str, *, id: str, properties: Properties, reasons: Sequence[str], inputs: Properties | None = None
    ) -> None:
        super().__init__(message)
        self.id = id
        self.properties = properties
        self.reasons = list(reasons)
        self.inputs = inputs


@dataclass(frozen=True)
class Resource:
    """Which resource a request is about."""

    urn: str
    type: str
    """Its token, for example `kubernetes:core/v1:Pod`."""
    name: str
    """Its name in the program."""


@dataclass(frozen=True)
class Failure:
    """An input that is refused: the property's path and the reason."""

    property: str
    reason: str


@dataclass(frozen=True)
class Autonaming:
    """How the stack wants generated names: `PROPOSE` or `ENFORCE` a name, or `DISABLE` them."""

    mode: str
    proposed_name: str


@dataclass(frozen=True)
class CheckRequest(Resource):
    """Are these inputs right, and what do they become with defaults? `olds` are the last ones, empty at first."""

    olds: Properties
    news: Properties
    random_seed: bytes = b""
    autonaming: Autonaming | None = None


@dataclass(frozen=True)
class Checked:
    """The inputs to go on with, or what is wrong with them."""

    inputs: Properties
    failures: Sequence[Failure] = ()


@dataclass(frozen=True)
class DiffRequest(Resource):
    """What would change from the state to these inputs?"""

    id: str
    state: Properties
    old_inputs: Properties
    news: Properties
    ignore_changes: Sequence[str] = ()


@dataclass(frozen=True)
class Difference:
    """What changes, which of it only a replacement can do, and whether the old one must go first."""

    changes: Mapping[Path, Change]
    replaces: frozenset[Path] = frozenset()
    delete_before_replace: bool = False


@dataclass(frozen=True)
class CreateRequest(Resource):
    """Make it. In a preview nothing happens, and inputs may be unknown. `timeout` in seconds, where one was given."""

    inputs: Properties
    timeout: float | None = None
    preview: bool = False


@dataclass(frozen=True)
class Created:
    """A new resource: its id (in a preview it may be empty) and its state."""

    id: str
    properties: Properties


@dataclass(frozen=True)
class ReadRequest(Resource):
    """What is it now? `state` and `inputs` are empty for an import and where the program only looks (`.get`)."""

    id: str
    state: Properties
    inputs: Properties
    timeout: float | None = None
    importing: bool = False
    """It is to become the program's: `pulumi import`, or the option `import_`."""


@dataclass(frozen=True)
class Found:
    """The resource as it is now."""

    id: str
    properties: Properties
    inputs: Properties


@dataclass(frozen=True)
class UpdateRequest(Resource):
    """Change it."""

    id: str
    state: Properties
    old_inputs: Properties
    news: Properties
    timeout: float | None = None
    preview: bool = False
    ignore_changes: Sequence[str] = ()


@dataclass(frozen=True)
class DeleteRequest(Resource):
    """Remove it. What is gone already counts as removed."""

    id: str
    state: Properties
    old_inputs: Properties
    timeout: float | None = None


@dataclass(frozen=True)
class ConfigureRequest(Resource):
    """The provider's own settings, checked."""

    settings: Properties = field(repr=False)


class Provider:
    """A provider's behaviour. Methods run in threads, several at once; any of them may raise `ProviderError`."""

    name: ClassVar[str]
    version: ClassVar[str]

    def schema(self) -> str:
        """The package's schema as JSON; by default one that names no resource."""
        return json.dumps({"name": self.name, "version": self.version})

    def check_config(self, request: CheckRequest, call: Call) -> Checked:
        """Are the provider's own settings right?"""
        return Checked(request.news)

    def diff_config(self, request: DiffRequest, call: Call) -> Difference:
        """Do new settings of the provider replace all of its resources?"""
        return Difference({})

    def configure(self, request: ConfigureRequest, call: Call) -> None:
        """Take the settings over; comes before everything below."""

    def invoke(self, function: str, arguments: Properties, call: Call) -> Properties:
        """A function of the provider."""
        raise ProviderError(f"{self.name} has no function {function}")

    def component_refusal(self, token: str) -> str:
        """Why a component of this type is not made here: none is."""
        return f"{self.name} has no component {token}"

    def check(self, request: CheckRequest, call: Call) -> Checked:
        """See `CheckRequest`."""
        return Checked(request.news)

    def diff(self, request: DiffRequest, call: Call) -> Difference:
        """See `DiffRequest`."""
        raise NotImplementedError

    def create(self, request: CreateRequest, call: Call) -> Created:
        """See `CreateRequest`."""
        raise NotImplementedError

    def read(self, request: ReadRequest, call: Call) -> Found | None:
        """See `ReadRequest`; None where it does not exist."""
        raise NotImplementedError

    def update(self, request: UpdateRequest, call: Call) -> Properties:
        """See `UpdateRequest`; answers the new state."""
        raise NotImplementedError

    def delete(self, request: DeleteRequest, call: Call) -> None:
        """See `DeleteRequest`."""
        raise NotImplementedError
