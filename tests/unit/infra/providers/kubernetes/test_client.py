"""When the API server is asked through a proxy."""

import pytest
import urllib3

from infra.providers.kubernetes.client import Client
from infra.providers.kubernetes.kubeconfig import Access

PROXY = "http://proxy.example:3128"


def proxied(server: str, proxy: str | None = None) -> bool:
    return isinstance(Client(Access(server=server, proxy=proxy))._pool, urllib3.ProxyManager)


@pytest.fixture(autouse=True)
def _proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", PROXY)


@pytest.mark.parametrize(
    ("server", "no_proxy", "expected"),
    [
        ("https://api.example:6443", "", True),
        ("https://api.example:6443", "other.example", True),
        ("https://api.example:6443", ".example", False),
        ("https://10.1.2.3:6443", "192.168.0.0/16", True),
        ("https://10.1.2.3:6443", "192.168.0.0/16, 10.0.0.0/8", False),
        ("https://[fd00::1]:6443", "fd00::/8", False),
        ("https://127.0.0.1:6443", "", False),
        ("https://localhost:6443", "", False),
        ("http://api.example:8080", "", False),
    ],
)
def test_the_environments_proxy_is_used_by_kubectls_rules(
    monkeypatch: pytest.MonkeyPatch, server: str, no_proxy: str, expected: bool
) -> None:
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxied(server) == expected


def test_the_kubeconfigs_proxy_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    assert proxied("https://api.example:6443", PROXY)
