"""The HTTP exchange under the DICOMweb users, against peers that do each thing wrong."""

import pytest

from loadtests.users.http import IDLE_SECONDS, Client, Clients, HttpError
from tests.peers import wayward_http
from tests.peers.seaweedfs import free_ports
from tests.peers.wayward_http import Behaviour, Exchange

TIMEOUT = 0.5
LIMIT = 1 << 22


def client_of(port: int) -> Client:
    return Clients(concurrency=1, connection_timeout=1.0).get_client(f"http://127.0.0.1:{port}")


def fetch(client: Client, method: str = "GET") -> bytes:
    """The body of one exchange."""
    answer = client.exchange(method, "/x", {}, timeout=TIMEOUT)
    try:
        return answer.body(LIMIT)
    finally:
        answer.close()


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """One after the other."""
    turns = iter(behaviours)
    return lambda exchange: next(turns)(exchange)


def hello(exchange: Exchange) -> None:
    exchange.answer(200, "text/plain", b"hello")


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (wayward_http.closes, "connection lost"),
        (wayward_http.closes_within, "connection lost within an answer"),
        (wayward_http.sends_garbage, "no HTTP answer"),
        (wayward_http.never_answers, "timed out"),
        (wayward_http.stalls, "timed out"),
        (wayward_http.endless_body, "endless answer"),
        (wayward_http.endless_head, "no HTTP answer"),
    ],
)
def test_each_misbehaviour_has_its_class_and_the_next_request_succeeds(behaviour: Behaviour, kind: str) -> None:
    with wayward_http.wayward_http(in_turn(behaviour, hello)) as peer:
        client = client_of(peer.port)
        with pytest.raises(HttpError) as failed:
            fetch(client)
        assert (failed.value.kind, failed.value.sent) == (kind, True)
        assert fetch(client) == b"hello"
        client.close()


def test_nobody_listening_is_told_from_a_request_that_was_sent() -> None:
    (port,) = free_ports(1)

    with pytest.raises(HttpError) as failed:
        fetch(client_of(port))

    assert (failed.value.kind, failed.value.sent) == ("connection refused", False)


def test_a_connection_is_used_again() -> None:
    with wayward_http.wayward_http(hello) as peer:
        client = client_of(peer.port)
        assert [fetch(client) for _ in range(3)] == [b"hello"] * 3
        client.close()

    assert peer.connections == 1


def test_a_get_on_a_reused_connection_that_is_closed_is_sent_again_and_a_post_never() -> None:
    for method, behaviours in (("GET", [hello, wayward_http.closes, hello]), ("POST", [hello, wayward_http.closes])):
        with wayward_http.wayward_http(in_turn(*behaviours)) as peer:
            client = client_of(peer.port)
            fetch(client, method)
            if method == "GET":
                assert fetch(client, method) == b"hello"
            else:
                with pytest.raises(HttpError, match="connection lost"):
                    fetch(client, method)
            client.close()
        assert len(peer.requests) == len(behaviours)


def test_a_connection_that_was_idle_for_long_is_not_used_again() -> None:
    with wayward_http.wayward_http(hello) as peer:
        client = client_of(peer.port)
        fetch(client)
        client._last_used -= IDLE_SECONDS
        fetch(client)
        client.close()

    assert peer.connections == 2


def test_a_redirect_is_an_answer_and_nothing_more() -> None:
    with (
        wayward_http.wayward_http(hello) as stranger,
        wayward_http.wayward_http(wayward_http.redirects(stranger.origin)) as peer,
    ):
        client = client_of(peer.port)
        answer = client.exchange("GET", "/x", {}, timeout=TIMEOUT)
        assert answer.status == 302
        answer.close()
        client.close()

    assert stranger.requests == []


def test_a_body_of_many_buffers_arrives_as_it_is() -> None:
    received: list[bytes] = []

    def keep(exchange: Exchange) -> None:
        received.append(exchange.body)
        exchange.answer(200, "text/plain", b"")

    large = bytes(range(256)) * 12_000
    body = [b"small", memoryview(large), b"", memoryview(large)[:70_000], b"end"]
    with wayward_http.wayward_http(keep) as peer:
        client = client_of(peer.port)
        client.exchange("POST", "/x", {}, body, sum(map(len, body)), timeout=5).close()
        client.close()

    assert received == [b"".join(body)]


def test_an_answer_before_the_body_was_taken_is_heard() -> None:
    def refuses_early(exchange: Exchange) -> bool:
        exchange.answer(413, "text/plain", b"too large")
        return False

    with wayward_http.wayward_http(refuses_early) as peer:
        client = client_of(peer.port)
        answer = client.exchange("POST", "/x", {}, [b"much"], 4, timeout=TIMEOUT)
        assert (answer.status, answer.body(LIMIT)) == (413, b"too large")
        answer.close()
        client.close()
