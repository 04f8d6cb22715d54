"""A DaemonSet is ready when every node that should has an available pod of the newest template."""

from infra.providers.kubernetes.client import Client
from infra.providers.kubernetes.waiting import pods
from infra.providers.kubernetes.waiting.state import Object, State, observed


def daemonset(client: Client, obj: Object) -> State:
    """Pods that wait for somebody to delete them (OnDelete) need not be of the newest template."""
    spec, status = obj["spec"], obj.get("status") or {}
    if not observed(obj):
        return State(False, "Waiting for the DaemonSet to be seen by its controller")
    wanted, available = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
    on_delete = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
    updated = wanted if on_delete else status.get("updatedNumberScheduled", 0)
    if available >= wanted and updated >= wanted:
        return State(True, f"All replicas scheduled as expected. Replicas: {wanted}")
    found = pods.selected(client, obj["metadata"]["namespace"], spec.get("selector"))
    reasons = [f"{available} of {wanted} Pods are available", *pods.problems(client, found)]
    return State(False, f"Available: {available}/{wanted}", reasons=[*reasons, *pods.warnings(client, obj)])
