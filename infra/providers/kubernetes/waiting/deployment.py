"""A Deployment is ready when its newest ReplicaSet is available in full and the older ones are gone."""

from infra.providers.kubernetes.client import Client
from infra.providers.kubernetes.waiting import pods
from infra.providers.kubernetes.waiting.state import Object, State, condition, observed, said


def deployment(client: Client, obj: Object) -> State:
    """As `kubectl rollout status` judges it; a paused one is not waited for."""
    spec, status, name = obj["spec"], obj.get("status") or {}, obj["metadata"]["namespace"]
    wanted = spec.get("replicas", 1)
    updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
    all_pods = status.get("replicas", 0)
    complete = updated >= wanted and all_pods <= updated and available >= updated
    if spec.get("paused") or (observed(obj) and complete):
        return State(True, "Deployment initialization complete")
    reasons = []
    stuck = condition(obj, "Progressing")
    failed = observed(obj) and stuck.get("reason") == "ProgressDeadlineExceeded"
    for kind, bad in (("Available", "False"), ("ReplicaFailure", "True")):
        if condition(obj, kind).get("status") == bad:
            reasons.append(said(condition(obj, kind)))
    if failed:
        reasons.append(said(stuck))
    if available < wanted:
        reasons.append("Minimum number of live Pods was not attained")
    reasons += pods.problems(client, pods.selected(client, name, spec.get("selector")))
    progress = f"Waiting for app ReplicaSet to be available ({min(available, updated)}/{wanted} Pods available)"
    return State(False, progress, failed, reasons)
