"""Creating and updating: the write itself, in earnest or as the server's dry run, and what can be tried again."""

from collections.abc import Callable, Mapping
from typing import Any

from infra.providers.base.engine import Call
from infra.providers.base.provider import CancelledError, ProviderError
from infra.providers.base.values import map_leaves
from infra.providers.kubernetes import annotations, naming
from infra.providers.kubernetes.apply import (
    Place,
    apply,
    conflict_words,
    create,
    get,
    is_conflict,
    merge,
    owned_by_pulumi,
)
from infra.providers.kubernetes.client import ApiError, Client
from infra.providers.kubernetes.discovery import UnknownKindError

# What comes a moment later in one and the same `up`: a namespace, a definition's kind. The official plug-in tries for
# 64 s, which an absent namespace costs in vain.
RETRY_SECONDS = (0.5, 1.0, 2.0, 4.0, 4.0)


def placed(find: Callable[[], Place], call: Call) -> Place:
    """The object's place; a kind that is not served yet is waited for a little. Raises `ProviderError`."""
    for number, pause in enumerate((*RETRY_SECONDS, None), 1):
        try:
            return find()
        except UnknownKindError as error:
            if pause is None:
                raise ProviderError(str(error)) from None
            _again(call, number, str(error), pause)
    raise AssertionError("unreachable: the last try returns or raises")


def written(
    client: Client, place: Place, inputs: Mapping[str, Any], manager: str, call: Call, *, server_side: bool
) -> dict[str, Any]:
    """Create the object, or take one over that is there; a namespace that is not there yet is waited for a little.

    Raises:
        ProviderError: the server refused, in its words.
    """
    for number, pause in enumerate((*RETRY_SECONDS, None), 1):
        try:
            if not server_side:
                return create(client, place, inputs)
            return apply(client, place, inputs, manager, force=annotations.flag(inputs, "patchForce"))
        except ApiError as error:
            if error.code != 404 or pause is None:
                raise refused(place, "was not created", error) from None
            _again(call, number, str(error), pause)
    raise AssertionError("unreachable: the last try returns or raises")


def changed(
    client: Client,
    place: Place,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    manager: str,
    call: Call,
    *,
    server_side: bool,
    dry_run: bool,
) -> dict[str, Any] | None:
    """Change the object to what the program says now. None: a dry run that the server can't do for this user.

    Raises:
        ProviderError: the server refused, in its words.
    """
    try:
        if not server_side:
            return merge(client, place, old, new, dry_run=dry_run)
        force = annotations.flag(new, "patchForce")
        return apply(client, place, new, manager, force=force, dry_run=dry_run)
    except ApiError as error:
        if dry_run and _not_previewed(place, error, call):
            return None
        raise refused(place, "was not changed", error) from None


def previewed(
    client: Client, place: Place, inputs: Mapping[str, Any], manager: str, call: Call
) -> dict[str, Any] | None:
    """What the object will be, by the server's dry run; None where the server can't say (no such namespace).

    A replacement that deletes first is previewed while its predecessor still has the name: then the dry run is done
    under another name, and the fields that the predecessor's manager owns are no conflict.

    Raises:
        ProviderError: the server would refuse it.
    """
    try:
        return apply(client, place, inputs, manager, force=annotations.flag(inputs, "patchForce"), dry_run=True)
    except ApiError as error:
        refusal = error
    if refusal.code == 404 or _not_previewed(place, refusal, call):
        return None
    there = get(client, place) if is_conflict(refusal) or refusal.code == 422 else None
    if there is None or not owned_by_pulumi(there):
        raise refused(place, "can't be created", refusal) from None
    aside = Place(place.kind, place.namespace, naming.aside(place.name))
    try:
        obj = apply(client, aside, inputs, manager, dry_run=True)
    except ApiError as error:
        if "already allocated" in str(error):  # a Service's fixed address, free once the predecessor is gone
            return None
        raise refused(place, "can't be created", error) from None
    # the name also lies in what is made of it: a Job's labels
    return dict(map_leaves(obj, lambda leaf: place.name if leaf == aside.name else leaf))


def _not_previewed(place: Place, error: ApiError, call: Call) -> bool:
    """Whether a dry run failed for reasons of its own.

    A user who may look but not write is forbidden it as well (403), and so is what an admission rule forbids: the
    preview goes on without it, as with the official plug-in, and says so.
    """
    if error.code == 403:
        call.warn(f"the preview of {place.words} is without the server's view, which forbids it: {error}")
        return True
    return "dry run" in str(error) or "dryRun" in str(error)


def refused(place: Place, what: str, error: ApiError) -> ProviderError:
    """The server's refusal as one line that names the object."""
    words = conflict_words(error) if is_conflict(error) else str(error)
    return ProviderError(f"{place.words} {what}: {words}")


def _again(call: Call, number: int, why: str, pause: float) -> None:
    call.progress(f"Retry #{number}; creation failed: {why}")
    if call.cancelled.wait(pause):
        raise CancelledError("interrupted: nothing was created")
