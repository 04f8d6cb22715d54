"""Probes of DICOMweb and WADO-URI: a real archive, its front door with TLS and a password, and peers that misbehave."""

import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from exporters.dicom_exporter.outcome import Outcome
from tests.integration.exporters.probing import probed, reason, value
from tests.peers import wayward_http as wayward
from tests.peers.http_front import http_front
from tests.peers.orthanc import Orthanc, orthanc
from tests.peers.tls import make_certificate
from tests.peers.wayward_http import Behaviour, Exchange, wayward_http

DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")  # Debian's orthanc-dicomweb
QIDO = {"prober": "qido-rs", "match": {"PatientID": "VNAOPS-PROBE"}}


@pytest.fixture(scope="module")
def archive() -> Iterator[Orthanc]:
    with orthanc(plugins=[DICOMWEB]) as server:
        stored = probed(server.http_port, {"prober": "stow-rs"})
        assert stored.outcome is Outcome.ACCEPTED, stored.log
        yield server


def instance(archive: Orthanc) -> dict[str, str]:
    """The UIDs of one that the archive has."""
    tags = archive.get(f"/instances/{archive.get('/instances')[0]}/simplified-tags")
    names = {"study": "StudyInstanceUID", "series": "SeriesInstanceUID", "instance": "SOPInstanceUID"}
    return {key: tags[name] for key, name in names.items()}


def port_of(origin: str) -> int:
    return int(origin.rsplit(":", 1)[1])


def test_stow_rs_stores_a_new_instance_each_time(archive: Orthanc) -> None:
    before = set(archive.get("/instances"))

    done = probed(archive.http_port, {"prober": "stow-rs", "rows": 16, "columns": 16})

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert list(done.phases) == ["resolve", "connect", "request", "transfer"]
    assert all(seconds > 0 for seconds in done.phases.values())
    assert value(done, "dicom_probe_http_status_code") == 200
    assert value(done, 'dicom_probe_bytes{direction="sent"}') > 16 * 16
    (new,) = set(archive.get("/instances")) - before
    tags = archive.get(f"/instances/{new}/simplified-tags")
    assert (tags["PatientID"], tags["Rows"], tags["QualityControlSubject"]) == ("VNAOPS-PROBE", "16", "YES")


@pytest.mark.parametrize("level", ["studies", "series", "instances"])
def test_qido_rs_counts_its_results_at_each_level(archive: Orthanc, level: str) -> None:
    done = probed(archive.http_port, QIDO | {"level": level, "min_results": 1, "max_results": 1})

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert value(done, "dicom_probe_results") == 1


def test_qido_rs_that_finds_less_than_wanted_has_failed(archive: Orthanc) -> None:
    nobody = QIDO | {"match": {"PatientID": "NOBODY"}}

    done, wanting = probed(archive.http_port, nobody), probed(archive.http_port, nobody | {"min_results": 1})

    assert (done.outcome, done.results) == (Outcome.ACCEPTED, 0)
    assert (wanting.outcome, reason(wanting)) == (
        Outcome.UNEXPECTED_CONTENT,
        "0 results, where 1 are wanted at least",
    )


@pytest.mark.parametrize("prober", ["wado-rs", "wado-uri"])
def test_wado_retrieves_a_given_instance(archive: Orthanc, prober: str) -> None:
    done = probed(archive.http_port, {"prober": prober, "instance": instance(archive)})

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert list(done.phases) == ["store", "resolve", "connect", "request", "transfer"]
    assert (done.phases["store"], done.bytes_sent, done.results) == (0, 0, 1)
    assert done.bytes_received > 1000


@pytest.mark.parametrize("prober", ["wado-rs", "wado-uri"])
def test_wado_without_one_stores_retrieves_and_compares(archive: Orthanc, prober: str) -> None:
    done = probed(archive.http_port, {"prober": prober})

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert done.phases["store"] > 0
    assert [event for _, event, _ in done.log].count("compared") == 1


@pytest.mark.parametrize("prober", ["wado-rs", "wado-uri"])
def test_an_instance_that_the_archive_does_not_have_is_an_http_status(archive: Orthanc, prober: str) -> None:
    unknown = {"study": "1.2.3", "series": "1.2.4", "instance": "1.2.5"}

    done = probed(archive.http_port, {"prober": prober, "instance": unknown})

    assert (done.outcome, reason(done)) == (Outcome.HTTP_STATUS, "GET was answered with HTTP status 404")
    assert value(done, "dicom_probe_http_status_code") == 404


def test_a_front_door_with_tls_and_a_password_lets_in_who_has_both(archive: Orthanc, tmp_path: Path) -> None:
    certificate, password = make_certificate(tmp_path), tmp_path / "password"
    password.write_text("s3cret pass\n")
    module: dict[str, Any] = QIDO | {
        "tls": {"ca_file": str(certificate.certificate)},
        "basic_auth": {"username": "probe", "password_file": str(password)},
    }
    front = http_front(
        archive.http_port,
        credentials="probe:s3cret pass",
        tls=(certificate.certificate, certificate.key),
    )
    with front as origin:
        done = probed(port_of(origin), module)
        password.write_text("changed\n")
        refused = probed(port_of(origin), module)

    assert done.outcome is Outcome.ACCEPTED, done.log
    assert list(done.phases) == ["resolve", "connect", "tls", "request", "transfer"]
    assert done.phases["tls"] > 0
    assert done.certificate_not_after == pytest.approx(time.time() + 3600, abs=600)
    assert (refused.outcome, refused.http_status) == (Outcome.HTTP_STATUS, 401)
    said = repr(done.log) + repr(refused.log)
    assert "s3cret" not in said
    assert "changed" not in said


def test_a_bearer_token_is_read_at_each_probe(tmp_path: Path) -> None:
    token, seen = tmp_path / "token", []

    def behave(exchange: Exchange) -> None:
        seen.append([line for line in exchange.head.decode().split("\r\n") if line.startswith("Authorization")])
        exchange.answer(200, "application/dicom+json", b"[]")

    with wayward_http(behave) as server:
        for text in ("first\n", "second"):
            token.write_text(text)
            assert probed(server.port, QIDO | {"bearer_token_file": str(token)}).outcome is Outcome.ACCEPTED

    assert seen == [["Authorization: Bearer first"], ["Authorization: Bearer second"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "does not hold one line of text"),
        (b"a\nb", "does not"),
    ],
)
def test_a_token_that_is_none_is_said_and_nothing_is_asked(tmp_path: Path, content: bytes | None, said: str) -> None:
    token = tmp_path / "token"
    if content is not None:
        token.write_bytes(content)
    with wayward_http(wayward.nothing) as server:
        done = probed(server.port, QIDO | {"bearer_token_file": str(token)})
        assert server.connections == 0

    assert done.outcome is Outcome.INTERNAL_ERROR
    assert said in str(reason(done))


def test_a_redirect_is_never_followed() -> None:
    with wayward_http(wayward.nothing) as elsewhere, wayward_http(wayward.redirects(elsewhere.origin)) as server:
        done = probed(server.port, QIDO)
        assert (len(server.requests), elsewhere.connections) == (1, 0)

    assert (done.outcome, done.http_status) == (Outcome.HTTP_STATUS, 302)


@pytest.mark.parametrize(
    ("behaviour", "outcome"),
    [
        (wayward.closes, Outcome.RESET),
        (wayward.closes_within, Outcome.PROTOCOL_VIOLATION),
        (wayward.sends_garbage, Outcome.PROTOCOL_VIOLATION),
        (wayward.another_type, Outcome.UNEXPECTED_CONTENT),
        (wayward.refuses(503), Outcome.HTTP_STATUS),
        (wayward.endless_head, Outcome.PROTOCOL_VIOLATION),
        (wayward.endless_body, Outcome.TOO_LARGE),
        (wayward.never_answers, Outcome.TIMED_OUT),
        (wayward.stalls, Outcome.TIMED_OUT),
    ],
)
def test_an_odd_peer_is_a_failed_probe_in_bounded_time_and_memory(behaviour: Behaviour, outcome: Outcome) -> None:
    with wayward_http(behaviour) as server:
        tracemalloc.start()
        try:
            done = probed(server.port, QIDO | {"max_body_bytes": 1 << 20}, seconds=1.0)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert done.outcome is outcome, done.log
    assert done.duration < 5
    assert peak < 16 << 20, "prober and peer together"


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (wayward.another_type, "the answer is not multipart/related with a boundary"),
        (wayward.truncated, "the multipart answer ends before its last boundary"),
        (wayward.no_dicom, "what came back is no data set: InvalidDicomError"),
        (wayward.twice, "2 instances came, where one was asked for"),
        (wayward.nothing, "0 instances came, where one was asked for"),
    ],
)
def test_an_answer_to_wado_rs_that_is_not_the_instance_has_failed(
    archive: Orthanc, behaviour: Behaviour, words: str
) -> None:
    with wayward_http(behaviour, upstream=archive.http_port) as server:
        done = probed(server.port, {"prober": "wado-rs", "instance": instance(archive)})

    assert (done.outcome, reason(done)) == (Outcome.UNEXPECTED_CONTENT, words)


def test_another_instance_than_the_one_asked_for_has_failed(archive: Orthanc) -> None:
    one = instance(archive)

    def behave(exchange: Exchange) -> None:
        if "1.2.3.4.5" in exchange.path:
            exchange.path = exchange.path.replace("1.2.3.4.5", one["instance"])
        wayward.passes_on(exchange)

    with wayward_http(behave, upstream=archive.http_port) as server:
        done = probed(server.port, {"prober": "wado-rs", "instance": one | {"instance": "1.2.3.4.5"}})

    assert (done.outcome, reason(done)) == (
        Outcome.UNEXPECTED_CONTENT,
        "what came back is another instance than the one asked for",
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"{}", "the instance was not stored; reason: none given"),
        (
            b'{"00081198":{"vr":"SQ","Value":[{"00081197":{"vr":"US","Value":[42752]}}]}}',
            "the instance was not stored; reason: 0xa700",
        ),
        (b"[]", "the answer to STOW-RS is not the DICOM JSON model"),
        (b"<html>", "the answer is no JSON"),
        (b"[" * 100_000, "the answer is no JSON"),
    ],
)
def test_a_stow_rs_answer_that_does_not_say_stored_has_failed(answer: bytes, words: str) -> None:
    def behave(exchange: Exchange) -> None:
        exchange.answer(200, "application/dicom+json", answer)

    with wayward_http(behave) as server:
        done = probed(server.port, {"prober": "stow-rs"})

    assert (done.outcome, reason(done)) == (Outcome.UNEXPECTED_CONTENT, words)
