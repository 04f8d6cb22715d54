"""Why pods are not ready: what conditions, containers and events say, and the last lines of a crashed one's log."""

from collections.abc import Mapping
from typing import Any

from infra.providers.kubernetes.client import ApiError, Client, UnreachableError
from infra.providers.kubernetes.waiting.state import Object, condition, said

LOG_LINES = 10
SHOWN = 3
"""A hundred replicas fail for the same reason: three of them say it."""


def selected(client: Client, namespace: str, selector: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The pods that a label selector chooses, newest first, without those that are being deleted."""
    terms = [f"{name}={value}" for name, value in ((selector or {}).get("matchLabels") or {}).items()]
    for one in (selector or {}).get("matchExpressions") or []:
        values = ",".join(one.get("values") or [])
        forms = {"In": f"{one['key']} in ({values})", "NotIn": f"{one['key']} notin ({values})"}
        forms |= {"Exists": one["key"], "DoesNotExist": f"!{one['key']}"}
        terms.append(forms[one["operator"]])
    try:
        answer = client.call("GET", f"/api/v1/namespaces/{namespace}/pods", {"labelSelector": ",".join(terms)})
    except ApiError:  # who may write a Deployment need not be allowed to see its pods
        return []
    pods = [pod for pod in answer.get("items", []) if not pod["metadata"].get("deletionTimestamp")]
    return sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True)


def problems(client: Client, pods: list[dict[str, Any]]) -> list[str]:
    """What keeps these pods from being ready, a line each, at most for a few of them."""
    found = []
    for pod in pods:
        if words := problem(client, pod):
            metadata = pod["metadata"]
            found.append(f"[Pod {metadata['namespace']}/{metadata['name']}]: {words}")
        if len(found) == SHOWN:
            break
    return found


def problem(client: Client, pod: Object) -> str:
    """What keeps a pod from being ready; empty where nothing does."""
    status = pod.get("status") or {}
    if status.get("phase") == "Succeeded" or condition(pod, "Ready").get("status") == "True":
        return ""
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return said(scheduled)
    words = [str(condition(pod, "Ready").get("message", ""))]
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        words.append(_container(client, pod, container))
    if status.get("reason") or status.get("message"):
        words.append(said(status))
    return "; ".join(word for word in words if word)


def warnings(client: Client, obj: Object) -> list[str]:
    """The newest warnings that the cluster recorded about an object: for example why no pod can be made for it."""
    metadata = obj["metadata"]
    query = {"fieldSelector": f"involvedObject.uid={metadata['uid']},type=Warning"}
    try:
        events = client.call("GET", f"/api/v1/namespaces/{metadata['namespace']}/events", query).get("items", [])
    except (ApiError, UnreachableError):
        return []
    events.sort(key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime")), reverse=True)
    return list(dict.fromkeys(said(one) for one in events))[:SHOWN]


def _container(client: Client, pod: Object, container: Object) -> str:
    state, last = container.get("state") or {}, container.get("lastState") or {}
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or last.get("terminated") or {}
    if waiting.get("reason") in ("ContainerCreating", "PodInitializing"):
        return ""
    name = container.get("name", "?")
    words = f"container {name}: {said(waiting)}" if waiting else ""
    if ended and ended.get("exitCode"):
        words = f"{words or f'container {name}'} ended with exit code {ended['exitCode']} ({ended.get('reason', '?')})"
        words += _log(client, pod, name, previous=not state.get("terminated"))
    return words


def _log(client: Client, pod: Object, container: str, *, previous: bool) -> str:
    metadata = pod["metadata"]
    query = {"container": container, "tailLines": str(LOG_LINES), "previous": "true" if previous else "false"}
    try:
        log = client.text(f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/log", query).rstrip()
    except (ApiError, UnreachableError):
        return ""
    return f"\nThe last lines of its log:\n{log}" if log else ""
