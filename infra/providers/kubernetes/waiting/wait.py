"""Waits until an object is ready, telling the user what for; or says in which ways it is not."""

import time
from collections.abc import Mapping
from typing import Any

from infra.providers.base.engine import Call
from infra.providers.kubernetes import annotations
from infra.providers.kubernetes.apply import Place
from infra.providers.kubernetes.client import Client
from infra.providers.kubernetes.waiting.claim import claim
from infra.providers.kubernetes.waiting.daemonset import daemonset
from infra.providers.kubernetes.waiting.definition import definition
from infra.providers.kubernetes.waiting.deployment import deployment
from infra.providers.kubernetes.waiting.expressions import expression
from infra.providers.kubernetes.waiting.job import job
from infra.providers.kubernetes.waiting.pod import pod
from infra.providers.kubernetes.waiting.service import service
from infra.providers.kubernetes.waiting.state import Condition, Object, State
from infra.providers.kubernetes.waiting.statefulset import statefulset
from infra.providers.kubernetes.watching import versions

READY_SECONDS = 600.0

_CONDITIONS: dict[tuple[str, str], Condition] = {
    ("", "PersistentVolumeClaim"): claim,
    ("", "Pod"): pod,
    ("", "Service"): service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definition,
    ("apps", "DaemonSet"): daemonset,
    ("apps", "Deployment"): deployment,
    ("apps", "StatefulSet"): statefulset,
    ("batch", "Job"): job,
}


class NotReadyError(Exception):
    """An object did not become ready."""

    def __init__(self, message: str, reasons: list[str], obj: dict[str, Any]) -> None:
        super().__init__(message)
        self.reasons = reasons
        self.obj = obj


def until_ready(
    client: Client,
    place: Place,
    obj: dict[str, Any],
    inputs: Mapping[str, Any],
    timeout: float | None,
    call: Call,
) -> dict[str, Any]:
    """Wait until the object is ready and answer it as it is then.

    Args:
        client: the cluster.
        place: the object's.
        obj: the object as it was written.
        inputs: the program's, whose annotations can change or forbid the wait.
        timeout: seconds, where the program gave a time limit of its own.
        call: whom to tell.

    Raises:
        NotReadyError: it failed, vanished, the time was over, or the user interrupted.
    """
    if annotations.flag(inputs, "skipAwait"):
        call.progress("Skipping await logic")
        return obj
    if not _waited_for(obj, inputs):
        return obj
    seconds = timeout or annotations.timeout(inputs) or READY_SECONDS
    deadline = time.monotonic() + seconds
    last, told = State(False, ""), ""
    for current in versions(client, place, deadline, call.cancelled):
        if current is None:
            raise NotReadyError(f"{place.words} was deleted while it was waited for", [], obj)
        obj = current
        last = state(client, obj, inputs)
        line = "; ".join([last.progress, *(reason.partition("\n")[0] for reason in last.reasons[-1:])])
        if line != told:
            call.progress(line)
            told = line
        if last.ready:
            return obj
        if last.failed:
            raise NotReadyError(f"{place.words} failed", list(last.reasons), obj)
    if call.cancelled.is_set():
        raise NotReadyError(f"{place.words} was not ready yet when the wait was interrupted", list(last.reasons), obj)
    raise NotReadyError(f"{place.words} was not ready after {seconds:g} s", list(last.reasons) or [last.progress], obj)


def verify(inputs: Mapping[str, Any]) -> None:
    """Raises `AnnotationError` for annotations that mean nothing, before anything is written."""
    annotations.timeout(inputs)
    annotations.propagation(inputs)
    for one in annotations.wait_for(inputs):
        expression(one, {})


def state(client: Client, obj: Object, inputs: Mapping[str, Any]) -> State:
    """How far the object is, now."""
    expressions = annotations.wait_for(inputs)
    if expressions:
        states = [expression(one, obj) for one in expressions]
        return next((one for one in states if not one.ready), states[-1])
    found = _condition(obj)
    return found(client, obj) if found else State(True, "")


def _waited_for(obj: Object, inputs: Mapping[str, Any]) -> bool:
    return bool(_condition(obj) or annotations.wait_for(inputs))


def _condition(obj: Object) -> Condition | None:
    return _CONDITIONS.get((str(obj["apiVersion"]).rpartition("/")[0], str(obj["kind"])))
