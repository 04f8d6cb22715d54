"""A cut, delayed or damaged exchange is repeated once, then an error in words: never wrong bytes or a false success."""

import random
import re
import socket
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.archive.conftest import Load
from tests.integration.archive.plugin import CANNOT_WRITE_FILE, STORAGE_AREA_PLUGIN, SUCCESS, Plugin, loaded, new_name
from tests.peers.s3_proxy import Fault, S3Proxy, s3_proxy
from tests.peers.seaweedfs import SeaweedFS, free_ports, seaweedfs

DATA = random.Random(6).randbytes(300_000)
LARGE = random.Random(7).randbytes(12 << 20)
ANSWER_CUT = Fault("cut", "answer")
BODY_CUT = Fault("cut", "request", 100_000, of_body=True)
BODY_CORRUPT = Fault("corrupt", "request", 100_000, of_body=True)
STALL = Fault("stall", "answer")


def versions(s3: SeaweedFS, bucket: str) -> list[Any]:
    return list(s3.client().list_object_versions(Bucket=bucket).get("Versions", []))


@pytest.mark.parametrize(
    "fault",
    [ANSWER_CUT, Fault("close", "answer"), Fault("cut", "answer", 20), BODY_CUT, BODY_CORRUPT, STALL],
    ids=["answer cut", "answer closed", "answer cut in its status", "body cut", "body corrupted", "answer stalled"],
)
def test_a_store_survives_one_fault_and_is_stored_once(
    fault: Fault, behind_proxy: Plugin, proxy: S3Proxy, s3: SeaweedFS, bucket: str
) -> None:
    proxy.plan(fault)
    name = new_name()
    assert behind_proxy.put(name, DATA) == SUCCESS, behind_proxy.log
    assert behind_proxy.metrics()['retries_total{operation="put"}'] == 1
    assert proxy.exchanges > 1
    assert len(versions(s3, bucket)) == 1
    assert behind_proxy.get(name) == DATA


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (BODY_CUT, "failed after 2 attempts: no answer: "),
        (BODY_CORRUPT, "failed after 2 attempts: 400 BadDigest "),
        (Fault("stall", "request", 1000), "failed after 2 attempts: no answer: no byte moved for 2000 ms"),
    ],
    ids=["cut", "corrupted", "stalled"],
)
def test_a_store_whose_body_is_damaged_twice_fails_in_words_and_stores_nothing(
    fault: Fault, words: str, behind_proxy: Plugin, proxy: S3Proxy, s3: SeaweedFS, bucket: str
) -> None:
    proxy.plan(fault, fault)
    name = new_name()
    assert behind_proxy.put(name, DATA) == CANNOT_WRITE_FILE
    assert f"S3 put of objects/{name[:2]}/{name}.dcm (300000 bytes) in bucket {bucket} {words}" in behind_proxy.log[-1]
    assert versions(s3, bucket) == []
    counted = behind_proxy.metrics()
    assert counted['failures_total{operation="put"}'] == 1
    assert counted["requests_in_flight"] == 0


def test_a_store_without_an_answer_is_never_a_success(behind_proxy: Plugin, proxy: S3Proxy) -> None:
    proxy.plan(ANSWER_CUT, ANSWER_CUT)
    assert behind_proxy.put(new_name(), DATA) == CANNOT_WRITE_FILE
    assert "failed after 2 attempts: no answer: " in behind_proxy.log[-1]


def test_a_stalled_store_fails_within_its_time_outs(behind_proxy: Plugin, proxy: S3Proxy) -> None:
    proxy.plan(STALL, STALL)
    started = time.monotonic()
    assert behind_proxy.put(new_name(), DATA) == CANNOT_WRITE_FILE
    took = time.monotonic() - started
    assert "no byte moved for 2000 ms" in behind_proxy.log[-1]
    assert 4.0 < took < 8.0, "two attempts of two seconds each; libcurl looks once a second"


def test_a_delay_below_the_time_out_is_no_fault(behind_proxy: Plugin, proxy: S3Proxy) -> None:
    proxy.plan(Fault("delay", "answer", amount=0.5))
    assert behind_proxy.put(new_name(), DATA) == SUCCESS
    assert behind_proxy.metrics()['retries_total{operation="put"}'] == 0


@pytest.mark.parametrize(
    "fault",
    [
        Fault("corrupt", "answer", 0, of_body=True),
        Fault("corrupt", "answer", 299_999, of_body=True),
        Fault("cut", "answer", 150_000, of_body=True),
        Fault("close", "answer", 150_000, of_body=True),
        Fault("stall", "answer", 150_000, of_body=True),
        Fault("throttle", "answer", 0, of_body=True, amount=2000),
    ],
    ids=["first byte corrupted", "last byte corrupted", "cut", "closed", "stalled", "slow"],
)
def test_a_read_survives_one_fault_and_fails_on_two(fault: Fault, behind_proxy: Plugin, proxy: S3Proxy) -> None:
    name = new_name()
    assert behind_proxy.put(name, DATA) == SUCCESS
    proxy.plan(fault)
    assert behind_proxy.get(name) == DATA
    assert behind_proxy.metrics()['retries_total{operation="get"}'] == 1
    proxy.plan(fault, fault)
    assert behind_proxy.get(name) == STORAGE_AREA_PLUGIN
    words = {
        "corrupt": "the bytes received are not those that were stored (SHA-256)",
        "throttle": "no answer: slower than 65536 bytes/s",
        "stall": "no answer: no byte moved for 2000 ms",
    }
    assert words.get(fault.action, "no answer: ") in behind_proxy.log[-1]


def test_a_part_whose_answer_is_cut_is_read_again(behind_proxy: Plugin, proxy: S3Proxy) -> None:
    name = new_name()
    assert behind_proxy.put(name, DATA) == SUCCESS
    cut = Fault("close", "answer", 30_000, of_body=True)
    proxy.plan(cut)
    assert behind_proxy.get_range(name, 1000, 60_000) == DATA[1000:61_000]
    proxy.plan(cut, cut)
    assert behind_proxy.get_range(name, 1000, 60_000) == STORAGE_AREA_PLUGIN
    assert "S3 get_range of " in behind_proxy.log[-1]


def test_a_part_whose_answer_is_damaged_is_read_again_and_never_wrong(behind_proxy: Plugin, proxy: S3Proxy) -> None:
    name = new_name()
    assert behind_proxy.put(name, DATA) == SUCCESS
    corrupt = Fault("corrupt", "answer", 2000, of_body=True)
    proxy.plan(corrupt)
    assert behind_proxy.get_range(name, 70_000, 60_000) == DATA[70_000:130_000]
    proxy.plan(corrupt, corrupt)
    assert behind_proxy.get_range(name, 70_000, 60_000) == STORAGE_AREA_PLUGIN
    assert "the bytes received are not those that were stored (CRC-32C)" in behind_proxy.log[-1]


def test_over_tls_a_part_is_read_alone_and_damage_is_seen(built: Path, tmp_path: Path, section: dict[str, Any]) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"]
    subprocess.run([*new, *subject, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    with seaweedfs(tls=(certificate, key, certificate)) as server, s3_proxy(server.endpoint) as between:
        server.client().create_bucket(Bucket="over-tls", ObjectLockEnabledForBucket=True)
        server.write_credentials(tmp_path / "keys")
        wanted = {"Endpoint": between.endpoint, "Bucket": "over-tls", "CredentialsFile": str(tmp_path / "keys")}
        with loaded(built, tmp_path, {"S3Storage": section | wanted}) as stranger:
            assert stranger.put(new_name(), DATA) == CANNOT_WRITE_FILE
            assert "certificate" in stranger.log[-1]
        with loaded(built, tmp_path, {"S3Storage": section | wanted | {"CaFile": str(certificate)}}) as plugin:
            name = new_name()
            assert plugin.put(name, DATA) == SUCCESS
            assert plugin.get_range(name, 70_000, 60_000) == DATA[70_000:130_000]
            assert plugin.metrics()['received_bytes_total{operation="get_range"}'] == 60_000
            corrupt = Fault("corrupt", "answer", 30_000)
            between.plan(corrupt)
            assert plugin.get_range(name, 70_000, 60_000) == DATA[70_000:130_000]
            assert plugin.metrics()['retries_total{operation="get_range"}'] == 1
            between.plan(*[corrupt] * 10)  # the handshakes of a new connection are exchanges too
            assert plugin.get_range(name, 70_000, 60_000) == STORAGE_AREA_PLUGIN


def test_no_damage_anywhere_in_an_answer_gives_wrong_bytes(behind_proxy: Plugin, proxy: S3Proxy) -> None:
    data = random.Random(8).randbytes(2000)
    name = new_name()
    assert behind_proxy.put(name, data) == SUCCESS
    seeded = random.Random(9)
    read = 0
    for _ in range(120):
        faults = [Fault(seeded.choice(["corrupt", "cut", "close"]), "answer", seeded.randrange(3000)) for _ in range(2)]
        proxy.plan(*faults)
        got = behind_proxy.get(name) if seeded.random() < 0.5 else behind_proxy.get_range(name, 0, len(data))
        assert got == data or isinstance(got, int), faults
        read += got == data
    assert 0 < read < 120, "some are repeated successfully, some fail"


def test_a_kept_connection_that_the_server_has_closed_costs_no_attempt(behind_proxy: Plugin, proxy: S3Proxy) -> None:
    name = new_name()
    proxy.plan(None, Fault("close", "request"))
    assert behind_proxy.put(name, DATA) == SUCCESS
    assert behind_proxy.get(name) == DATA
    assert proxy.exchanges == 3


def test_an_endpoint_that_nobody_listens_on_is_named(load: Load) -> None:
    with load(Endpoint=f"http://127.0.0.1:{free_ports(1)[0]}") as plugin:
        assert plugin.put(new_name(), DATA) == CANNOT_WRITE_FILE
    assert "failed after 2 attempts: no answer: Failed to connect to 127.0.0.1 port" in plugin.log[-1]


def test_an_endpoint_that_does_not_take_the_connection_costs_two_connect_time_outs(load: Load) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener, ExitStack() as waiting:
        for _ in range(2):  # the queue is full then: the kernel drops what else knocks
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        with load(Endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}") as plugin:
            started = time.monotonic()
            assert plugin.put(new_name(), DATA) == CANNOT_WRITE_FILE
            assert 1.9 < time.monotonic() - started < 5.0
    assert "no answer: " in plugin.log[-1]
    assert re.search(r"after 1\d{3} ms", plugin.log[-1]), plugin.log[-1]


@pytest.mark.parametrize("fault", [Fault("cut", "request", 1 << 20, of_body=True), ANSWER_CUT], ids=["body", "answer"])
@pytest.mark.parametrize("before", range(5))
def test_a_store_in_parts_survives_one_fault_in_any_of_its_requests(
    fault: Fault, before: int, behind_proxy: Plugin, proxy: S3Proxy, s3: SeaweedFS, bucket: str
) -> None:
    proxy.plan(*[None] * before, fault)  # create, three parts, complete
    name = new_name()
    assert behind_proxy.put(name, LARGE) == SUCCESS, behind_proxy.log
    assert behind_proxy.get(name) == LARGE
    assert len(versions(s3, bucket)) == 1


def test_a_store_in_parts_that_fails_leaves_no_object_and_no_parts(
    behind_proxy: Plugin, proxy: S3Proxy, s3: SeaweedFS, bucket: str
) -> None:
    corrupt = Fault("corrupt", "request", 1 << 20, of_body=True)
    proxy.plan(None, None, corrupt, corrupt)
    assert behind_proxy.put(new_name(), LARGE) == CANNOT_WRITE_FILE
    assert "S3 put_part of " in behind_proxy.log[-1]
    assert "400 BadDigest" in behind_proxy.log[-1]
    assert versions(s3, bucket) == []
    assert "Uploads" not in s3.client().list_multipart_uploads(Bucket=bucket)


def test_parts_that_can_not_be_aborted_are_told_of(behind_proxy: Plugin, proxy: S3Proxy) -> None:
    proxy.plan(None, *[ANSWER_CUT] * 10)  # libcurl repeats on a new connection by itself
    assert behind_proxy.put(new_name(), LARGE) == CANNOT_WRITE_FILE
    assert "; its parts stay until a lifecycle rule removes them: S3 abort_multipart of " in behind_proxy.log[-1]


def test_exchanged_keys_are_used_without_a_restart(load: Load, credentials: Path, s3: SeaweedFS) -> None:
    right = credentials.read_text()
    credentials.write_text(right.replace(s3.secret_key, "an-old-key"))
    with load() as plugin:
        assert plugin.put(new_name(), DATA) == CANNOT_WRITE_FILE
        assert "failed after 2 attempts: 403 SignatureDoesNotMatch" in plugin.log[-1]
        assert "an-old-key" not in "".join(plugin.log)
        credentials.write_text(right)
        assert plugin.put(new_name(), DATA) == SUCCESS


def test_a_broken_credentials_file_leaves_the_keys_before_it_in_use(load: Load, credentials: Path) -> None:
    with load() as plugin:
        credentials.write_text("[default]\naws_access_key_id = only-half\n")
        name = new_name()
        assert plugin.put(name, DATA) == SUCCESS
        credentials.unlink()
        assert plugin.get(name) == DATA


def test_a_server_that_answers_nonsense_is_an_error(load: Load) -> None:
    answers = [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nhello",
        b"HTTP/1.1 206 Partial Content\r\nContent-Length: 5\r\nContent-Range: bytes 0-4/5\r\n\r\nhello",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"hello, this is no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + b"x: y\r\n" * 100_000,
    ]
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    one, _ = listener.accept()
                except OSError:
                    return
                with one:
                    if one.recv(65536):
                        one.sendall(current[0])

        current = [b""]
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with load(Endpoint=f"http://127.0.0.1:{listener.getsockname()[1]}") as plugin:
                for current[0] in answers:
                    assert plugin.get(new_name()) == STORAGE_AREA_PLUGIN, current[0][:60]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
