"""The client against a real API server: credentials that expire, a server that is silent."""

import socket
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from infra.providers.kubernetes.client import CONNECT_SECONDS, ApiError, Client, UnreachableError
from infra.providers.kubernetes.kubeconfig import Access
from tests.peers.kubernetes_api import KubernetesApi


def test_credentials_that_the_server_no_longer_takes_are_renewed_once(api: KubernetesApi) -> None:
    good = api.client.access
    stale = replace(good, client_certificate=None, client_key=None, token="expired")
    asked = []

    def renewed() -> Access:
        asked.append(1)
        return good

    client = Client(stale, renewed)
    assert client.call("GET", "/api/v1/namespaces/default")["kind"] == "Namespace"
    assert asked == [1]
    with pytest.raises(ApiError, match="Unauthorized"):
        Client(stale, lambda: stale).call("GET", "/api/v1/namespaces/default")


def test_an_error_is_the_servers_own_words(api: KubernetesApi) -> None:
    with pytest.raises(ApiError, match='namespaces "absent" not found') as refused:
        api.client.call("GET", "/api/v1/namespaces/absent")
    assert (refused.value.code, refused.value.reason) == (404, "NotFound")


def test_another_authority_is_not_trusted(api: KubernetesApi) -> None:
    with pytest.raises(UnreachableError, match="certificate verify failed"):
        Client(replace(api.client.access, ca_certificate=None)).call("GET", "/version")


def test_a_silent_server_is_not_asked_for_every_resource_again() -> None:
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):  # they fill its queue: the kernel then drops who knocks
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        client = Client(Access(server=f"http://127.0.0.1:{listener.getsockname()[1]}"))
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(UnreachableError, match=r"does not answer: .*timed out"):
                client.call("GET", "/version")
        assert CONNECT_SECONDS <= time.monotonic() - began < 2 * CONNECT_SECONDS


def test_a_watch_ends_after_its_time(api: KubernetesApi) -> None:
    began = time.monotonic()
    events = list(api.client.watch("/api/v1/namespaces", {"fieldSelector": "metadata.name=default"}, 1))
    assert [(kind, obj["metadata"]["name"]) for kind, obj in events] == [("ADDED", "default")]
    assert 0.5 < time.monotonic() - began < 10
