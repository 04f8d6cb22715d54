"""Follows one object: every change of it as it comes, and a look now and then, so that a lost event loses nothing."""

import threading
import time
from collections.abc import Iterator
from typing import Any

from infra.providers.kubernetes.apply import Place, get
from infra.providers.kubernetes.client import ApiError, Client, UnreachableError

LOOK_SECONDS = 2
"""A watch lasts this long, then the object is read again. It bounds how late a cancel or a time limit is noticed, and
what a missed event costs (the official plug-in was seen to wait nearly 10 minutes for one)."""


def versions(
    client: Client, place: Place, deadline: float, cancelled: threading.Event
) -> Iterator[dict[str, Any] | None]:
    """The object now, then at each change and at least every 2 s; None: it does not exist.

    Ends at the deadline (`time.monotonic()`) or when cancelled. An API server that does not answer for a moment is
    waited for.
    """
    while not cancelled.is_set():
        try:
            obj = get(client, place)
        except UnreachableError:
            if time.monotonic() >= deadline:
                raise
            cancelled.wait(1)
            continue
        yield obj
        left = deadline - time.monotonic()
        if left <= 0 or cancelled.is_set():
            return
        yield from _changes(client, place, obj, max(1, min(LOOK_SECONDS, int(left))))


def _changes(client: Client, place: Place, obj: dict[str, Any] | None, seconds: int) -> Iterator[dict[str, Any] | None]:
    query = {"fieldSelector": f"metadata.name={place.name}"}
    if obj:
        query["resourceVersion"] = obj["metadata"]["resourceVersion"]
    try:
        for kind, changed in client.watch(place.kind.path(place.namespace), query, seconds):
            if kind == "DELETED":
                yield None
            elif kind in ("ADDED", "MODIFIED"):
                yield changed
            elif kind == "ERROR":  # the version is too old: the next look has a newer one
                return
    except (ApiError, UnreachableError):
        threading.Event().wait(0.5)
