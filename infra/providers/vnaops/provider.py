"""The `vnaops` provider: the engine's requests to the kinds of resources, and their answers back."""

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from typing import Any

from typing_extensions import override

from infra.providers.base.detailed_diff import Change, differences
from infra.providers.base.engine import Call
from infra.providers.base.provider import (
    CancelledError,
    Checked,
    CheckRequest,
    Created,
    CreateRequest,
    DeleteRequest,
    Difference,
    DiffRequest,
    Failure,
    Found,
    InitializationError,
    Provider,
    ProviderError,
    ReadRequest,
    UpdateRequest,
)
from infra.providers.base.values import Properties, Secret, Unknown, has_secret, known, plain
from infra.providers.vnaops import errors, inputs
from infra.providers.vnaops.kinds.bucket import Bucket
from infra.providers.vnaops.kinds.certificate import Certificate
from infra.providers.vnaops.kinds.credentials import Credentials
from infra.providers.vnaops.kinds.kind import Kind
from infra.providers.vnaops.kinds.secret import Secret as SecretKind
from infra.providers.vnaops.patience import Patience
from infra.providers.vnaops.schema import schema_of

KINDS: dict[str, Kind] = {
    "vnaops:index:Bucket": Bucket(),
    "vnaops:index:Certificate": Certificate(),
    "vnaops:index:Credentials": Credentials(),
    "vnaops:index:Secret": SecretKind(),
}


class VnaopsProvider(Provider):
    """Thin: what a resource is lies in `kinds`, what is done in the files that know nothing of Pulumi."""

    name = "vnaops"
    version = "0.1.0"

    @override
    def schema(self) -> str:
        """Made from the kinds' models."""
        return schema_of(self.name, self.version, KINDS)

    @override
    def check(self, request: CheckRequest, call: Call) -> Checked:
        """Fills in defaults. A refusal names its property in the text: named apart, the engine prints its value."""
        kind = _kind(request.type)
        unknown = {name for name, value in request.news.items() if not known(value)}
        values = {
            name: plain(value) for name, value in request.news.items() if name not in unknown and value is not None
        }
        checked, refusals = inputs.check(kind.inputs, values, unknown)
        marked = _marked(kind, checked, request.news)
        failures = [Failure("", f"{path}: {reason}") for path, reason in refusals]
        return Checked(marked | {name: request.news[name] for name in unknown}, failures)

    @override
    def diff(self, request: DiffRequest, call: Call) -> Difference:
        """Inputs against inputs (a refresh puts what it found into them), and what has become stale by itself."""
        kind = _kind(request.type)
        changes = differences(request.old_inputs, request.news)
        changed = {str(path[0]) for path in changes}
        state, news = _plain(request.state), _plain(request.news)
        with _in_words():
            replacing = kind.replacing(changed, state, news)
            stale = kind.stale(state, news) if not replacing else frozenset()
        return Difference(
            changes | {(name,): Change.UPDATE for name in sorted(stale)},
            frozenset(path for path in changes if path[0] in replacing),
            # The same name can't be there twice (a bucket whose object lock is to go).
            delete_before_replace=bool(replacing) and "bucket" in news and "bucket" not in changed,
        )

    @override
    def create(self, request: CreateRequest, call: Call) -> Created:
        """In a preview, what is computed is not known."""
        kind = _kind(request.type)
        if request.preview:
            return Created("", {**dict.fromkeys(kind.computed, Unknown()), **request.inputs})
        patience = _patience(kind, request.timeout, call)
        try:
            with _in_words():
                identity, state = kind.create(request.urn, _plain(request.inputs), patience)
        except errors.HalfMadeError as error:
            raise InitializationError(
                str(error),
                id=error.identity,
                properties=_marked(kind, error.state, request.inputs),
                reasons=[str(error)],
            ) from None
        return Created(identity, _marked(kind, state, request.inputs))

    @override
    def read(self, request: ReadRequest, call: Call) -> Found | None:
        """As it is now."""
        kind = _kind(request.type)
        with _in_words():
            found = kind.read(request.id, request.urn, _plain(request.inputs), _plain(request.state))
        if found is None:
            return None
        before = {**request.state, **request.inputs}
        return Found(found.id, _marked(kind, found.state, before), _marked(kind, found.inputs, before))

    @override
    def update(self, request: UpdateRequest, call: Call) -> Properties:
        """In a preview, what is computed stays, except for what only the update itself will tell."""
        kind = _kind(request.type)
        state, news = _plain(request.state), _plain(request.news)
        if request.preview:
            changed = {str(path[0]) for path in differences(request.old_inputs, request.news)}
            with _in_words():
                unknown = kind.unknown_after_update(changed, state, news)
            kept = {name: value for name, value in request.state.items() if name in kind.computed}
            return {**kept, **dict.fromkeys(unknown, Unknown()), **request.news}
        with _in_words():
            new = kind.update(request.id, request.urn, state, news, _patience(kind, request.timeout, call))
        return _marked(kind, new, request.news)

    @override
    def delete(self, request: DeleteRequest, call: Call) -> None:
        """Remove it."""
        kind = _kind(request.type)
        with _in_words():
            kind.delete(request.id, _plain(request.state), _patience(kind, request.timeout, call))


def _kind(token: str) -> Kind:
    if kind := KINDS.get(token):
        return kind
    raise ProviderError(f"the provider vnaops has no resource {token}; it has {', '.join(KINDS)}")


def _patience(kind: Kind, timeout: float | None, call: Call) -> Patience:
    return Patience(timeout or kind.patience_seconds, call.progress, call.cancelled)


def _plain(properties: Properties) -> dict[str, Any]:
    """What is known, without marks of secrecy."""
    return {name: plain(value) for name, value in properties.items() if known(value)}


def _marked(kind: Kind, properties: Mapping[str, Any], before: Properties) -> Properties:
    """Secret is what the kind says, and what the program or the state had marked."""
    secret: Set[str] = kind.secret | {name for name, value in before.items() if has_secret(value)}
    return {name: Secret(value) if name in secret else value for name, value in properties.items()}


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except errors.RefusalError as error:
        raise ProviderError(str(error)) from None
    except errors.CancelledError as error:
        raise CancelledError(str(error)) from None
