"""A Service is ready when it has somebody to direct traffic to, and its address where it asks for one from outside."""

from datetime import UTC, datetime

from infra.providers.kubernetes.client import Client
from infra.providers.kubernetes.waiting.state import Object, State

SETTLED_SECONDS = 10.0
"""A Service may come before its pods, or never have any: the official plug-in lets it pass after this time."""


def service(client: Client, obj: Object) -> State:
    """Headless ones and those without a selector direct nothing, and are ready at once."""
    spec, metadata = obj["spec"], obj["metadata"]
    done = State(True, "Service initialization complete")
    balanced = spec.get("type") == "LoadBalancer"
    if balanced and not ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress"):
        waiting = "[2/3] Waiting for the load balancer to give an address"
        return State(False, waiting, reasons=["no load balancer has given an address: is there one in this cluster?"])
    if spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None" or not spec.get("selector"):
        return done
    query = {"labelSelector": f"kubernetes.io/service-name={metadata['name']}"}
    path = f"/apis/discovery.k8s.io/v1/namespaces/{metadata['namespace']}/endpointslices"
    slices = client.call("GET", path, query).get("items", [])
    for one in slices:
        if any((endpoint.get("conditions") or {}).get("ready") for endpoint in one.get("endpoints") or []):
            return done
    if _age(obj) >= SETTLED_SECONDS:
        return done
    return State(False, "[1/3] Finding Pods to direct traffic to")


def _age(obj: Object) -> float:
    """Seconds since the last write to the object; the cluster's clock and ours may differ a little."""
    metadata = obj["metadata"]
    times = [one["time"] for one in metadata.get("managedFields") or [] if one.get("time")]
    last = max([metadata["creationTimestamp"], *times])
    return (datetime.now(UTC) - datetime.fromisoformat(last.replace("Z", "+00:00"))).total_seconds()
