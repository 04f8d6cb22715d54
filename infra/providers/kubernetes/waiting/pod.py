"""A Pod is ready when its containers are, or when it has done its work."""

from infra.providers.kubernetes.client import Client
from infra.providers.kubernetes.waiting import pods
from infra.providers.kubernetes.waiting.state import Object, State, condition


def pod(client: Client, obj: Object) -> State:
    """Scheduled, then initialized, then ready; one that succeeded is done, one that failed stays so."""
    phase = (obj.get("status") or {}).get("phase")
    if phase == "Succeeded" or condition(obj, "Ready").get("status") == "True":
        return State(True, "Pod initialization complete")
    name = f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
    reasons = pods.problems(client, [dict(obj)])
    if phase == "Failed":
        return State(False, f'Pod "{name}" failed', True, reasons)
    steps = (("PodScheduled", "scheduled"), ("Initialized", "initialized"))
    missing = (word for kind, word in steps if condition(obj, kind).get("status") != "True")
    return State(False, f'Waiting for Pod "{name}" to be {next(missing, "ready")}', reasons=reasons)
