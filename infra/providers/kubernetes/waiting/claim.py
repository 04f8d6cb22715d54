"""A PersistentVolumeClaim is ready when it is bound, or when it waits for a pod to use it."""

from infra.providers.kubernetes.client import ApiError, Client
from infra.providers.kubernetes.waiting import pods
from infra.providers.kubernetes.waiting.state import Object, State

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def claim(client: Client, obj: Object) -> State:
    """Of a class that binds at the first consumer, a claim is not waited for: the consumer may come later."""
    phase = (obj.get("status") or {}).get("phase", "Pending")
    if phase == "Bound" or _waits_for_consumer(client, obj):
        return State(True, "PersistentVolumeClaim initialization complete")
    warnings = pods.warnings(client, obj)
    return State(False, f"Waiting for the PersistentVolumeClaim to be bound ({phase})", phase == "Lost", warnings)


def _waits_for_consumer(client: Client, obj: Object) -> bool:
    name = obj["spec"].get("storageClassName")
    try:
        if name:
            found = client.call("GET", f"/apis/storage.k8s.io/v1/storageclasses/{name}")
            return found.get("volumeBindingMode") == "WaitForFirstConsumer"
        if name == "":
            return False
        classes = client.call("GET", "/apis/storage.k8s.io/v1/storageclasses").get("items", [])
    except ApiError:
        return False
    marked = [one for one in classes if (one["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"]
    return any(one.get("volumeBindingMode") == "WaitForFirstConsumer" for one in marked)
