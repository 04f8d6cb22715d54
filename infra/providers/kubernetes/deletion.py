"""Deletes an object and waits until it is gone."""

import time
from collections.abc import Mapping
from typing import Any

from infra.providers.base.engine import Call
from infra.providers.base.provider import CancelledError, ProviderError
from infra.providers.kubernetes import annotations
from infra.providers.kubernetes.apply import Place, get
from infra.providers.kubernetes.client import ApiError, Client
from infra.providers.kubernetes.watching import versions

DELETE_SECONDS = 600.0


def delete(client: Client, place: Place, inputs: Mapping[str, Any], timeout: float | None, call: Call) -> None:
    """Ask for the deletion and wait for its end; what is gone already is deleted.

    Raises:
        ProviderError: it was refused, or something held it until the time was over: the message says what.
    """
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": annotations.propagation(inputs),
    }
    call.progress("Resource scheduled for deletion")
    try:
        answer = client.call("DELETE", place.path, body=body)
    except ApiError as error:
        if error.code == 404:
            return
        raise ProviderError(f"{place.words} was not deleted: {error}") from None
    if annotations.flag(inputs, "skipAwait"):
        return
    # the answer is the object where it still exists, else a Status with its uid
    uid = answer.get("metadata", {}).get("uid") or answer.get("details", {}).get("uid")
    seconds = timeout or annotations.timeout(inputs) or DELETE_SECONDS
    _gone(client, place, uid, time.monotonic() + seconds, call)


def _gone(client: Client, place: Place, uid: str | None, deadline: float, call: Call) -> None:
    last: Mapping[str, Any] = {}
    for obj in versions(client, place, deadline, call.cancelled):
        if obj is None or (uid and obj["metadata"].get("uid") != uid):
            return
        last = obj
        call.progress(f"Waiting for its deletion{_holders(obj)}")
    if call.cancelled.is_set():
        raise CancelledError(f"{place.words} is being deleted; the wait for it was interrupted")
    if get(client, place) is None:
        return
    call.warn(f"{place.words} is not gone yet{_holders(last)}")
    raise ProviderError(
        f"timed out waiting for the deletion of {place.words}{_holders(last)}. Once nothing holds it, run this again"
    )


def _holders(obj: Mapping[str, Any]) -> str:
    metadata, status = obj.get("metadata", {}), obj.get("status") or {}
    words = [f"finalizers: {', '.join(metadata['finalizers'])}"] if metadata.get("finalizers") else []
    if obj.get("kind") == "Namespace":
        wanted = ("NamespaceContentRemaining", "NamespaceFinalizersRemaining", "NamespaceDeletionContentFailure")
        words += [
            one["message"]
            for one in status.get("conditions") or []
            if one.get("type") in wanted and one.get("status") == "True"
        ]
    return f" ({'; '.join(words)})" if words else ""
