"""Network policies in words."""

from infra.components.network import Peer


def test_a_peer_allows_its_apps_and_its_networks_on_its_ports_and_no_others() -> None:
    rule = Peer([5432], apps=["archive"], cidrs=["10.0.0.0/24"]).rule("from")
    assert rule == {
        "from": [
            {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "archive"}}},
            {"ipBlock": {"cidr": "10.0.0.0/24"}},
        ],
        "ports": [{"port": 5432, "protocol": "TCP"}],
    }


def test_a_peer_of_datagrams_is_allowed_no_connections() -> None:
    rule = Peer([9514], apps=["http-log-exporter"], protocol="UDP").rule("to")
    assert rule["ports"] == [{"port": 9514, "protocol": "UDP"}]
