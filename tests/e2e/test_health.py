"""Who counts as alive: the balancer's view when the index or the bucket goes away."""

from typing import Any

import pytest

from tests.e2e.environment import Deployed, eventually, patched

pytestmark = pytest.mark.timeout(1800)


def up(deployed: Deployed) -> int:
    return sum(state == "UP" for state in deployed.balancer_status("dicom_writers").values())


@pytest.mark.parametrize("gone", ["database", "object-store"])
def test_a_replica_without_its_index_or_its_bucket_leaves_the_balancer_within_ten_seconds(
    deployed: Deployed, gone: str
) -> None:
    eventually(lambda: up(deployed) == 2, 60, "both replicas are up before")
    (policy,) = (p for p in deployed.objects("networkpolicies") if p["metadata"]["name"] == "archive")

    def leads_there(rule: dict[str, Any]) -> bool:
        return any(
            peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name") == gone
            for peer in rule["to"]
        )

    egress = [rule for rule in policy["spec"]["egress"] if not leads_there(rule)]
    assert len(egress) == len(policy["spec"]["egress"]) - 1
    with patched(deployed, "networkpolicy", "archive", {"spec": {"egress": egress}}):
        took = eventually(lambda: up(deployed) == 0, 10, f"replicas without {gone} leave the balancer")
        print(f"left the balancer after {took:.1f} s without {gone}")
    eventually(lambda: up(deployed) == 2, 60, "both replicas come back")
