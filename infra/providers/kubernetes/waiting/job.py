"""A Job is ready when it has succeeded."""

from infra.providers.kubernetes.client import Client
from infra.providers.kubernetes.waiting import pods
from infra.providers.kubernetes.waiting.state import Object, State, condition, said


def job(client: Client, obj: Object) -> State:
    """A suspended Job is not waited for."""
    status, metadata = obj.get("status") or {}, obj["metadata"]
    name = f"{metadata['namespace']}/{metadata['name']}"
    counts = " | ".join(f"{word}: {status.get(word.lower(), 0)}" for word in ("Active", "Succeeded", "Failed"))
    progress = f'Waiting for Job "{name}" to succeed ({counts})'
    if condition(obj, "Complete").get("status") == "True" or obj["spec"].get("suspend"):
        return State(True, progress)
    if not status.get("startTime"):
        return State(False, f'Waiting for Job "{name}" to start', reasons=pods.warnings(client, obj))
    found = pods.selected(client, metadata["namespace"], obj["spec"].get("selector"))
    reasons = pods.problems(client, found)
    failure = condition(obj, "Failed")
    if failure.get("status") == "True":
        return State(False, progress, True, [said(failure), *reasons])
    return State(False, progress, reasons=reasons or pods.warnings(client, obj))
