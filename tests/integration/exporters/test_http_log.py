"""The http-log-exporter behind the real HAProxy with the front door's own configuration."""

import base64
import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from infra.components.haproxy import HTTP_BACKENDS
from infra.components.http_routes import OPERATIONS
from tests.peers.haproxy import PASSWORD, USER, HAProxy, haproxy
from tests.peers.seaweedfs import free_ports

SCRIPT = str(Path(sys.executable).with_name("http-log-exporter"))
PATIENCE_SECONDS = 20.0
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
UID = "1.2.840.113619.2.55.3.604688119.971.1234567890.1"
STUDY = f"/dicom-web/studies/{UID}"
SERIES = f"{STUDY}/series/{UID}"
INSTANCE = f"{SERIES}/instances/{UID}"
ROUTES = {
    ("GET", STUDY): "wado-rs-study",
    ("GET", f"{STUDY}/"): "wado-rs-study",
    ("GET", SERIES): "wado-rs-series",
    ("GET", INSTANCE): "wado-rs-instance",
    ("GET", f"{INSTANCE}/frames/1,2"): "wado-rs-frames",
    ("GET", f"{INSTANCE}/frames/1/rendered"): "wado-rs-rendered",
    ("GET", f"{STUDY}/rendered?window=1,2,linear"): "wado-rs-rendered",
    ("GET", f"{INSTANCE}/thumbnail"): "wado-rs-rendered",
    ("GET", f"{STUDY}/metadata"): "wado-rs-metadata",
    ("GET", f"{INSTANCE}/metadata"): "wado-rs-metadata",
    ("GET", f"{INSTANCE}/bulk/7fe00010"): "wado-rs-bulkdata",
    ("GET", f"/dicom-web/studies?PatientID=X&StudyInstanceUID={UID}"): "qido-rs-studies",
    ("GET", "/dicom-web/series"): "qido-rs-series",
    ("GET", f"{STUDY}/series?Modality=CT"): "qido-rs-series",
    ("GET", "/dicom-web/instances"): "qido-rs-instances",
    ("GET", f"{STUDY}/instances"): "qido-rs-instances",
    ("GET", f"{SERIES}/instances"): "qido-rs-instances",
    ("POST", "/dicom-web/studies"): "stow-rs",
    ("POST", STUDY): "stow-rs",
    ("GET", f"/wado?requestType=WADO&studyUID={UID}"): "wado-uri",
    ("DELETE", f"/test-studies/{UID}"): "test-delete",
    ("GET", "/dicom-web/servers"): "other",
    ("GET", f"/dicom-web/{UID}"): "other",
    ("DELETE", STUDY): "other",
    ("GET", f"/patients/{UID}"): "other",
}


class Upstream(BaseHTTPRequestHandler):
    """Answers as the request's head asks: status, bytes, seconds before the answer and in its middle."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = bytes(int(self.headers.get("X-Bytes", 2)))
        time.sleep(float(self.headers.get("X-Before", 0)))
        self.send_response(int(self.headers.get("X-Status", 200)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        time.sleep(float(self.headers.get("X-Within", 0)))
        self.wfile.write(body[len(body) // 2 :])

    do_GET = do_POST = do_DELETE = answer  # noqa: N815  (the server's names)

    def log_message(self, format: str, *args: object) -> None:
        pass


@dataclass
class Exporter:
    """The exporter's process, and where it is."""

    process: "subprocess.Popen[str]"
    log: str
    url: str

    def samples(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as answer:  # noqa: S310  (http by construction)
            text = answer.read().decode()
        return {
            (one.name, frozenset(one.labels.items())): one.value
            for family in text_string_to_metric_families(text)
            for one in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self.samples().get((name, frozenset(labels.items())), 0.0)

    def transactions(self, expected: float) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """All samples, once so many lines have come: HAProxy writes one after the answer's last byte has left."""
        key = ("http_log_exporter_lines_total", frozenset({("result", "transaction")}))
        end = time.monotonic() + PATIENCE_SECONDS
        while (samples := self.samples())[key] < expected and time.monotonic() < end:
            time.sleep(0.02)
        assert samples[key] == expected
        return samples


@contextmanager
def exporter(log_port: int = 0) -> Iterator[Exporter]:
    options = [
        f"--log.listen-address=127.0.0.1:{log_port}",
        "--web.listen-address=127.0.0.1:0",
        f"--operations={','.join(OPERATIONS)}",
        f"--backends={','.join(HTTP_BACKENDS)}",
    ]
    with subprocess.Popen([SCRIPT, *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = json.loads(process.stderr.readline())
        try:
            yield Exporter(process, ":".join(map(str, said["log"])), f"http://127.0.0.1:{said['web'][0][1]}")
        finally:
            process.kill()


def connect(haproxy: HAProxy) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(haproxy.certificate.certificate))
    return http.client.HTTPSConnection("127.0.0.1", haproxy.port, timeout=30, context=context)


def ask(haproxy: HAProxy, method: str, path: str, body: bytes = b"", **head: str) -> int:
    connection = connect(haproxy)
    try:
        headers = {"Authorization": BASIC, **{key.replace("_", "-"): value for key, value in head.items()}}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


@dataclass
class Door:
    """HAProxy before the upstream, its log taken by an exporter."""

    haproxy: HAProxy
    exporter: Exporter

    def connect(self) -> http.client.HTTPSConnection:
        return connect(self.haproxy)

    def ask(self, method: str, path: str, body: bytes = b"", **head: str) -> int:
        return ask(self.haproxy, method, path, body, **head)


@pytest.fixture
def upstream() -> Iterator[int]:
    """Its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def door(tmp_path: Path, upstream: int) -> Iterator[Door]:
    with exporter() as taking, haproxy(tmp_path, upstream, taking.log) as running:
        yield Door(running, taking)


def counted(samples: dict[tuple[str, frozenset[tuple[str, str]]], float]) -> dict[tuple[str, str, str], float]:
    """Transactions by operation, status class and backend, where there were any."""
    found = {}
    for (name, pairs), value in samples.items():
        if name == "http_transactions_duration_seconds_count" and value:
            labels = dict(pairs)
            found[labels["operation"], labels["status_class"], labels["backend"]] = value
    return found


def test_every_route_has_its_name_and_no_identifier_is_in_a_label_or_in_a_log(door: Door) -> None:
    expected: dict[str, float] = {}
    for (method, path), operation in ROUTES.items():
        door.ask(method, path)
        expected[operation] = expected.get(operation, 0) + 1
    samples = door.exporter.transactions(len(ROUTES))
    found: dict[str, float] = {}
    for (operation, _, _), value in counted(samples).items():
        found[operation] = found.get(operation, 0) + value
    assert found == expected
    assert set(expected) == set(OPERATIONS)
    for text in (door.haproxy.log(), repr(samples)):
        assert "1.2.840" not in text
        assert "PatientID" not in text
    assert len(re.findall(r"^http client=", door.haproxy.log(), flags=re.MULTILINE)) == len(ROUTES)


@pytest.mark.parametrize("status", [200, 206, 304, 404, 409, 500, 503])
def test_a_status_is_in_its_class(door: Door, status: int) -> None:
    assert door.ask("GET", STUDY, X_Status=str(status), X_Bytes="0") == status
    assert counted(door.exporter.transactions(1)) == {("wado-rs-study", f"{status // 100}xx", "http_readers"): 1}


def test_stores_are_of_the_writers_and_what_the_door_refuses_is_its_own(door: Door) -> None:
    assert door.ask("POST", "/dicom-web/studies", b"x" * 1000) == 200
    assert door.ask("GET", STUDY, Authorization="Basic d3Jvbmc6d3Jvbmc=") == 401
    assert door.ask("GET", f"/patients/{UID}") == 404
    samples = door.exporter.transactions(3)
    assert counted(samples) == {
        ("stow-rs", "2xx", "http_writers"): 1,
        ("wado-rs-study", "4xx", "https"): 1,
        ("other", "4xx", "https"): 1,
    }
    assert door.exporter.value("http_transactions_first_byte_seconds_count", operation="wado-rs-study") == 0


def test_bytes_are_counted_both_ways(door: Door) -> None:
    door.ask("POST", "/dicom-web/studies", b"x" * 300_000)
    door.ask("GET", INSTANCE, X_Bytes="500000")
    door.exporter.transactions(2)

    def passed(operation: str, direction: str) -> float:
        return door.exporter.value("http_transactions_bytes_total", operation=operation, direction=direction)

    # heads come on top, a few hundred bytes
    assert 300_000 < passed("stow-rs", "received") < 301_000
    assert 500_000 < passed("wado-rs-instance", "sent") < 501_000
    assert 0 < passed("stow-rs", "sent") < 1_000
    assert 0 < passed("wado-rs-instance", "received") < 1_000


def test_first_byte_and_end_are_told_apart(door: Door) -> None:
    began = time.monotonic()
    door.ask("GET", INSTANCE, X_Before="0.3", X_Within="0.4", X_Bytes="1000")
    took = time.monotonic() - began
    door.exporter.transactions(1)
    first = door.exporter.value("http_transactions_first_byte_seconds_sum", operation="wado-rs-instance")
    labels = {"operation": "wado-rs-instance", "status_class": "2xx", "backend": "http_readers"}
    whole = door.exporter.value("http_transactions_duration_seconds_sum", **labels)
    # HAProxy counts in milliseconds, each phase rounded by itself
    assert 0.297 <= first <= took - 0.397
    assert 0.697 <= whole <= took + 0.003


def test_what_is_no_http_is_a_failed_transaction_of_no_route(door: Door) -> None:
    context = ssl.create_default_context(cafile=str(door.haproxy.certificate.certificate))
    with (
        socket.create_connection(("127.0.0.1", door.haproxy.port), timeout=30) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as connection,
    ):
        connection.sendall(f"A-ASSOCIATE {UID}\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 400 ")
    assert counted(door.exporter.transactions(1)) == {("other", "4xx", "https"): 1}
    assert UID not in door.haproxy.log()


def test_an_exporter_that_hangs_holds_up_nobody_and_what_it_missed_is_counted(door: Door) -> None:
    requests = 500
    door.exporter.process.send_signal(signal.SIGSTOP)
    try:
        connection = door.connect()
        longest = 0.0
        for _ in range(requests):
            began = time.monotonic()
            connection.request("GET", STUDY, headers={"Authorization": BASIC})
            answer = connection.getresponse()
            assert answer.read() == bytes(2)
            longest = max(longest, time.monotonic() - began)
        connection.close()
    finally:
        door.exporter.process.send_signal(signal.SIGCONT)
    assert longest < 5
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        taken = door.exporter.value("http_log_exporter_lines_total", result="transaction")
        dropped = door.exporter.value("http_log_exporter_dropped_lines_total")
        if taken + dropped == requests:
            break
        time.sleep(0.02)
    assert taken + dropped == requests


def test_without_an_exporter_every_request_is_answered(door: Door) -> None:
    door.exporter.process.kill()
    door.exporter.process.wait()
    assert [door.ask("GET", STUDY) for _ in range(20)] == [200] * 20
    assert door.haproxy.log().count("operation=wado-rs-study") == 20


def test_a_door_that_starts_before_any_exporter_serves_and_is_counted_once_there_is_one(
    tmp_path: Path, upstream: int
) -> None:
    (port,) = free_ports(1)
    with haproxy(tmp_path, upstream, f"127.0.0.1:{port}") as running:
        assert [ask(running, "GET", STUDY) for _ in range(20)] == [200] * 20
        with exporter(port) as taking:
            assert [ask(running, "GET", STUDY) for _ in range(20)] == [200] * 20
            assert counted(taking.transactions(20)) == {("wado-rs-study", "2xx", "http_readers"): 20}


@pytest.mark.parametrize("address", ["192.0.2.1:9514", "255.255.255.255:9514"])
def test_a_door_whose_log_can_not_be_sent_at_all_serves(tmp_path: Path, upstream: int, address: str) -> None:
    """An address of RFC 5737, behind which is nobody, and one that the kernel refuses to send to (EACCES)."""
    with haproxy(tmp_path, upstream, address) as running:
        assert [ask(running, "GET", STUDY) for _ in range(20)] == [200] * 20
