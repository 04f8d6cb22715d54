"""What an archive may do wrong over the web: each kind is counted under its own class, and the user lives on."""

from pathlib import Path

import pytest

from tests.integration.loadtests.conftest import outputs
from tests.integration.loadtests.users.campaigns import campaign
from tests.peers import wayward_http
from tests.peers.orthanc import Orthanc
from tests.peers.wayward_http import Behaviour, Exchange

ONE_SECOND = "answer_timeout_seconds: 1"
READS = {
    "connection lost": wayward_http.closes,
    "connection lost within an answer": wayward_http.closes_within,
    "no HTTP answer": wayward_http.sends_garbage,
    "timed out": wayward_http.never_answers,
    "endless answer": wayward_http.endless_body,
    "another content type": wayward_http.another_type,
    "broken multipart": wayward_http.truncated,
    "returned other bytes than were stored": wayward_http.other_bytes,
    "no DICOM instance": wayward_http.no_dicom,
    "returned an instance twice": wayward_http.twice,
    "returned fewer instances than were stored": wayward_http.nothing,
    "HTTP 503": wayward_http.refuses(503),
}


def from_a_user(exchange: Exchange) -> bool:
    """Whether a user asks; the verification afterwards has another client."""
    return b"gevent-http-client" in exchange.head


def by_instance(behaviours: list[Behaviour]) -> Behaviour:
    """The n-th instance that users ask for gets the n-th behaviour, whenever they ask for it."""
    seen: dict[str, Behaviour] = {}
    left = iter(behaviours)

    def behave(exchange: Exchange) -> bool | None:
        path = exchange.path
        if not from_a_user(exchange) or "/instances/" not in path:
            return wayward_http.passes_on(exchange)
        if path not in seen:
            seen[path] = next(left, wayward_http.passes_on)
        return seen[path](exchange)

    return behave


def test_each_wrong_answer_to_a_reader_is_a_class_of_its_own(archive: Orthanc, tmp_path: Path) -> None:
    with wayward_http.wayward_http(by_instance(list(READS.values())), upstream=archive.http_port) as peer:
        given = outputs(tmp_path, archive, web={"url": f"{peer.origin}/dicom-web"})
        ended = campaign(
            tmp_path,
            given,
            f"  - {{behaviour: modality, users: 1, sessions: 1, profiles: {{mr: 1}}, instances: {len(READS) + 3}}}\n"
            "  - {behaviour: retrieve, protocol: dicomweb, users: 1, options: {level: instance}}\n",
            extra=ONE_SECOND,
        )

    assert ended.failures() == {"WADO-RS": dict.fromkeys(READS, 1)}, ended.said
    assert ended.operation("WADO-RS")["instances"] == 3
    assert ended.report["integrity"]["identical"] == len(READS) + 3
    assert "died" not in ended.said


def test_each_wrong_answer_to_a_store_leaves_the_right_word_in_the_ledger(archive: Orthanc, tmp_path: Path) -> None:
    def stores_and(then: Behaviour) -> Behaviour:
        def behave(exchange: Exchange) -> bool | None:
            exchange.real()
            return then(exchange)

        return behave

    unknown = {
        "connection lost": stores_and(wayward_http.closes),
        "no HTTP answer": wayward_http.sends_garbage,
        "timed out": wayward_http.never_answers,
        "HTTP 502": stores_and(wayward_http.refuses(502)),
        "HTTP 200 without a STOW-RS answer": wayward_http.another_type,
        "endless answer": wayward_http.endless_body,
    }
    refused = {"HTTP 400 without a STOW-RS answer": wayward_http.refuses(400)}
    left = iter([*unknown.values(), *refused.values()])

    def behave(exchange: Exchange) -> bool | None:
        if exchange.method == "POST":
            return next(left, wayward_http.passes_on)(exchange)
        return wayward_http.passes_on(exchange)

    with wayward_http.wayward_http(behave, upstream=archive.http_port) as peer:
        given = outputs(tmp_path, archive, web={"url": f"{peer.origin}/dicom-web"})
        ended = campaign(
            tmp_path,
            given,
            "  - {behaviour: modality, protocol: dicomweb, users: 1, sessions: 1, profiles: {mr: 1}, instances: 10,"
            " options: {instances_per_request: 1}}\n",
            extra=ONE_SECOND,
        )

    assert ended.failures() == {"STOW-RS": dict.fromkeys([*unknown, *refused], 1)}, ended.said
    store, integrity = ended.operation("STOW-RS"), ended.report["integrity"]
    assert (store["count"], store["unknown"], store["failures"]) == (10, len(unknown), 1)
    assert (integrity["acknowledged"], integrity["unknown"], integrity["refused"]) == (3, len(unknown), 1)
    assert integrity["unknown_stored"] == 3  # the two that were told otherwise, and the endless one


@pytest.mark.parametrize("where", ["answers to stores", "answers to queries"])
def test_an_address_that_leads_to_a_stranger_is_counted_and_not_followed(
    archive: Orthanc, tmp_path: Path, where: str
) -> None:
    with wayward_http.wayward_http(wayward_http.another_type) as stranger:

        def behave(exchange: Exchange) -> None:
            status, content_type, body = exchange.real()
            if exchange.method == ("POST" if where == "answers to stores" else "GET") and "json" in content_type:
                body = body.replace(peer.origin.encode(), stranger.origin.encode())
            exchange.answer(status, content_type, body)

        with wayward_http.wayward_http(behave, upstream=archive.http_port) as peer:
            given = outputs(tmp_path, archive, web={"url": f"{peer.origin}/dicom-web"})
            ended = campaign(
                tmp_path,
                given,
                "  - {behaviour: modality, protocol: dicomweb, users: 1, sessions: 1, profiles: {mr: 1},"
                " instances: 2}\n"
                "  - {behaviour: retrieve, protocol: dicomweb, users: 1, options: {follow_urls: true}}\n",
            )

    failures = ended.failures()
    assert {kind for classes in failures.values() for kind in classes} == {"points to a stranger"}, ended.said
    assert ("STOW-RS" in failures) == (where == "answers to stores")
    assert stranger.requests == []
    assert ended.report["integrity"]["identical"] == 2
