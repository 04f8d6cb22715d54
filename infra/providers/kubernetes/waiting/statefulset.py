"""A StatefulSet is ready when all of its pods are, in the newest revision."""

from infra.providers.kubernetes.client import Client
from infra.providers.kubernetes.waiting import pods
from infra.providers.kubernetes.waiting.state import Object, State, observed


def statefulset(client: Client, obj: Object) -> State:
    """Pods below the partition, or replaced only by hand (OnDelete), need not be of the newest revision."""
    spec, status = obj["spec"], obj.get("status") or {}
    wanted, ready = spec.get("replicas", 1), status.get("readyReplicas", 0)
    strategy = spec.get("updateStrategy") or {}
    below = (strategy.get("rollingUpdate") or {}).get("partition", 0)
    to_update = 0 if strategy.get("type") == "OnDelete" else max(0, wanted - below)
    updated = status.get("updatedReplicas", 0)
    if status.get("currentRevision") == status.get("updateRevision"):
        updated = max(updated, status.get("currentReplicas", 0))
    if observed(obj) and ready >= wanted and status.get("replicas", 0) == wanted:
        if updated >= to_update:
            return State(True, "StatefulSet initialization complete")
        progress = f"[2/2] Waiting for StatefulSet update to roll out ({updated}/{to_update} Pods updated)"
    else:
        progress = f"[1/2] Waiting for StatefulSet to create Pods ({ready}/{wanted} Pods ready)"
    found = pods.selected(client, obj["metadata"]["namespace"], spec.get("selector"))
    reasons = [f"{ready} of {wanted} Pods are ready", *pods.problems(client, found)]
    return State(False, progress, reasons=[*reasons, *(pods.warnings(client, obj) if len(found) < wanted else [])])
