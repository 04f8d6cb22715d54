"""What is refused before any load."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from loadtests.campaigns import checks
from loadtests.campaigns.checks import RefusedError, address, check_room, check_targets, targets
from loadtests.campaigns.plan import Plan
from loadtests.environment import Environment

GB = 10**9


def plan(*streams: dict[str, Any]) -> Plan:
    return Plan.model_validate(
        {"name": "own", "title": "Own", "shape": {"kind": "steady", "seconds": 60}, "streams": list(streams)}
    )


STORES = plan({"behaviour": "modality", "users": 1, "sessions": 4, "profiles": {"ct": 1}, "instances": 1000})  # 2 GB


def environment(**more: Any) -> Environment:
    return Environment.model_validate(
        {
            "dicom": {"host": "192.0.2.1", "port": 104, "aeTitle": "VNAOPS"},  # nobody's (RFC 5737)
            "dicomWeb": {"url": "https://archive.example/dicom-web", "wadoUri": "https://viewer.example/wado"},
            "testDeletion": {"url": "https://cleaner.example/test-studies"},
            **more,
        }
    )


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("archive.example:104", "archive.example:104"),
        ("https://Archive.example/dicom-web", "archive.example:443"),
        ("http://archive.example", "archive.example:80"),
        ("http://10.0.0.1:8042/x", "10.0.0.1:8042"),
    ],
)
def test_an_address_is_host_and_port(target: str, found: str) -> None:
    assert address(target) == found


@pytest.mark.parametrize("target", ["archive.example", "", "ftp://archive.example", "archive.example:port"])
def test_what_has_no_port_is_no_address(target: str) -> None:
    with pytest.raises(ValueError, match=r"neither HOST:PORT nor a URL|Port"):
        address(target)


def test_a_campaign_calls_what_its_streams_need_and_no_more() -> None:
    reading = plan({"behaviour": "reading_room", "protocol": "dicomweb", "users": 1})
    uri = plan({"behaviour": "retrieve", "protocol": "wado_uri", "users": 1}, {"behaviour": "modality", "users": 1})
    cleaning = plan({"behaviour": "cleaning", "protocol": "dicomweb", "users": 1})

    assert targets(reading, environment()) == ["https://archive.example/dicom-web"]
    assert "https://viewer.example/wado" in targets(uri, environment())
    assert "192.0.2.1:104" in targets(uri, environment())
    assert "https://cleaner.example/test-studies" in targets(cleaning, environment())


def test_the_stacks_own_targets_may_be_loaded() -> None:
    check_targets(STORES, environment(targets=["192.0.2.1:104", "https://archive.example"]), [])


def test_a_stranger_is_refused_by_name_with_what_would_allow_it() -> None:
    with pytest.raises(RefusedError) as refused:
        check_targets(STORES, environment(targets=["https://archive.example"]), [])

    assert str(refused.value) == (
        "192.0.2.1:104 isn't among the stack's targets (https://archive.example): load is not sent to strangers; "
        "if it may be, say --also-load 192.0.2.1:104"
    )


def test_who_is_named_may_be_loaded() -> None:
    check_targets(STORES, environment(), ["192.0.2.1:104", "archive.example:443"])


def test_outputs_without_a_list_allow_nobody() -> None:
    with pytest.raises(RefusedError, match="there are none"):
        check_targets(STORES, environment(), [])


@contextmanager
def prometheus(answers: dict[str, float]) -> Iterator[str]:
    """Answers queries by their text."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            (query,) = parse_qs(urlsplit(self.path).query)["query"]
            result = [{"metric": {}, "value": [0, str(answers[query])]}] if query in answers else []
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"status": "success", "data": {"result": result}}).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def room(tmp_path: Path, campaign: Plan, found: Environment) -> list[str]:
    """What is said; raises where it is refused."""
    said: list[str] = []
    check_room(campaign, found, tmp_path / "outputs.json", "run", said.append)
    return said


def test_a_bucket_that_is_too_small_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        room(tmp_path, STORES, environment(objectStore={"capacityBytes": GB}))

    assert str(refused.value) == (
        "the object store has 1.0 GB free, the campaign's 2.1 GB need 2.1: "
        "make room, or store less (--studies, --limit, --factor)"
    )


def test_what_is_taken_already_counts(tmp_path: Path) -> None:
    store = {"capacityBytes": 10 * GB, "usedQuery": "used", "availableQuery": "free"}
    with prometheus({"used": 9 * GB, "free": 50 * GB}) as url, pytest.raises(RefusedError, match=r"has 1\.0 GB free"):
        room(tmp_path, STORES, environment(objectStore=store, prometheus={"url": url}))
    with prometheus({"used": 1 * GB, "free": GB / 2}) as url, pytest.raises(RefusedError, match=r"has 0\.5 GB free"):
        room(tmp_path, STORES, environment(objectStore=store, prometheus={"url": url}))
    with prometheus({"used": 1 * GB, "free": 50 * GB}) as url:
        assert room(tmp_path, STORES, environment(objectStore=store, prometheus={"url": url})) == [
            "the campaign will store about 2.10 GB"
        ]


def test_what_cannot_be_asked_is_said(tmp_path: Path) -> None:
    store = {"capacityBytes": 10 * GB, "usedQuery": "used"}
    with prometheus({}) as url:
        asked = room(tmp_path, STORES, environment(objectStore=store, prometheus={"url": url}))

    assert asked[0] == "how much of the object store is taken can't be asked (Prometheus): taken for empty"
    assert "whether there is room is not judged" in room(tmp_path, STORES, environment())[0]


def test_a_disk_that_is_too_small_is_refused_where_the_environment_is_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = environment(dicom={"host": "127.0.0.1", "port": 104, "aeTitle": "VNAOPS"})
    usage = type(shutil.disk_usage("/"))  # the disk itself can't be filled for a test
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda _: usage(10 * GB, 6 * GB, 4 * GB))

    with pytest.raises(RefusedError, match=r"has 4\.0 GB free, the campaign's 2\.1 GB need 5\.3"):
        room(tmp_path, STORES, here)
    room(tmp_path, STORES, environment())  # another machine's disk


def test_a_campaign_that_only_reads_needs_no_room(tmp_path: Path) -> None:
    reading = plan({"behaviour": "reading_room", "users": 1, "profiles": {"ct": 1}})

    assert "the campaign stores nothing" in room(tmp_path, reading, environment(objectStore={"capacityBytes": 0}))
