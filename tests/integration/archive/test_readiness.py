"""/ready tells the load balancer within 5 s that the index or the bucket is gone, and that it is back."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.archive.conftest import Load
from tests.integration.archive.plugin import Plugin, loaded
from tests.peers.postgresql import PostgreSQL, postgresql
from tests.peers.s3_proxy import Fault, S3Proxy, s3_proxy
from tests.peers.seaweedfs import SeaweedFS, free_ports

WITHIN = 5.0  # seconds until a replica has to be seen as gone


def becomes(plugin: Plugin, status: int, within: float = WITHIN) -> dict[str, Any]:
    """The answer when /ready gives this status; it must within so many seconds."""
    deadline, pause = time.monotonic() + within, threading.Event()
    while True:
        got, said = plugin.ready()
        if got == status:
            return said
        assert time.monotonic() < deadline, f"still {got} after {within} s: {said}"
        pause.wait(0.05)


def stays(plugin: Plugin, status: int, seconds: float) -> None:
    """/ready gives this status all the time."""
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while time.monotonic() < deadline:
        got, said = plugin.ready()
        assert got == status, said
        pause.wait(0.1)


def test_a_replica_is_not_ready_before_orthanc_has_started_and_after_it_stops(plugin: Plugin) -> None:
    assert plugin.ready()[0] == 503
    assert plugin.ready()[1]["reason"] == "starting or stopping"
    plugin.started()
    said = becomes(plugin, 200)
    assert said == {"index": True, "storage": True, "age": said["age"], "reason": ""}
    assert 0 <= said["age"] < WITHIN
    plugin.stopped()
    assert plugin.ready()[0] == 503


def test_a_bucket_that_can_not_be_reached_is_told_and_its_return_too(load: Load, s3: SeaweedFS) -> None:
    port = free_ports(1)[0]
    with load(Endpoint=f"http://127.0.0.1:{port}") as plugin:
        plugin.started()
        said = becomes(plugin, 503)
        assert said["index"] is True
        assert said["storage"] is False
        assert "bucket: bucket archive-" in said["reason"] or "not tried yet" in said["reason"]
        with s3_proxy(s3.endpoint, port=port):
            becomes(plugin, 200)
        said = becomes(plugin, 503)
        assert "no answer: " in said["reason"]


def test_a_bucket_that_does_not_answer_is_gone(behind_proxy: Plugin, proxy: S3Proxy) -> None:
    behind_proxy.started()
    becomes(behind_proxy, 200)
    proxy.plan(*[Fault("stall", "answer")] * 20)
    said = becomes(behind_proxy, 503)
    assert said["storage"] is False


def test_a_bucket_that_does_not_exist_is_told(load: Load) -> None:
    with load(Bucket="no-such-bucket") as plugin:
        plugin.started()
        becomes(plugin, 503)
        assert becomes(plugin, 503)["storage"] is False


def test_an_index_that_fails_or_hangs_is_told_and_its_return_too(plugin: Plugin) -> None:
    plugin.started()
    becomes(plugin, 200)
    plugin.index("fail")
    said = becomes(plugin, 503)
    assert said["index"] is False
    assert said["storage"] is True
    assert said["reason"].startswith("index through Orthanc: Orthanc can't read its index (error ")
    plugin.index("ok")
    becomes(plugin, 200)
    plugin.index("hang")
    said = becomes(plugin, 503)
    assert said["reason"].startswith("index through Orthanc: no answer for 4.")
    plugin.index("ok")
    becomes(plugin, 200)


def settings_of(server: PostgreSQL) -> dict[str, Any]:
    return {
        "EnableIndex": True,
        "Host": server.host,
        "Port": server.port,
        "Database": server.database,
        "Username": server.user,
        "Password": server.password,
    }


def by_address(server: PostgreSQL) -> dict[str, Any]:
    uri = f"postgresql://{server.user}:{server.password}@{server.host}:{server.port}/{server.database}"
    return {"EnableIndex": True, "ConnectionUri": uri}


@pytest.mark.parametrize("how", [settings_of, by_address])
def test_a_postgresql_that_is_gone_is_told(
    how: Callable[[PostgreSQL], dict[str, Any]], built: Path, tmp_path: Path, section: dict[str, Any]
) -> None:
    with postgresql() as server:
        configuration = {"S3Storage": section, "PostgreSQL": how(server)}
        running = loaded(built, tmp_path, configuration)
        plugin = running.__enter__()
        plugin.started()
        becomes(plugin, 200)
    try:
        said = becomes(plugin, 503)
        assert said["index"] is False
        assert said["reason"].startswith("index: ")
        assert server.password not in said["reason"]
        plugin.stopped()
    finally:
        running.__exit__(None, None, None)


def test_a_postgresql_that_does_not_answer_is_gone(built: Path, tmp_path: Path, section: dict[str, Any]) -> None:
    with postgresql() as server, s3_proxy(f"http://{server.host}:{server.port}") as between:
        through = settings_of(server) | {"Port": int(between.endpoint.rsplit(":", 1)[1])}
        with loaded(built, tmp_path, {"S3Storage": section, "PostgreSQL": through}) as plugin:
            plugin.started()
            becomes(plugin, 200)
            between.plan(*[Fault("stall", "answer")] * 20)
            assert becomes(plugin, 503)["reason"].startswith("index: PostgreSQL gives no answer in time")
            between.plan()
            becomes(plugin, 200)
            plugin.stopped()


def test_a_busy_index_is_not_a_lost_one(built: Path, tmp_path: Path, section: dict[str, Any]) -> None:
    with (
        postgresql() as server,
        loaded(built, tmp_path, {"S3Storage": section, "PostgreSQL": settings_of(server)}) as plugin,
    ):
        plugin.started()
        becomes(plugin, 200)
        plugin.index("hang")  # a deletion has the one index connection
        stays(plugin, 200, seconds=7)
        plugin.index("ok")
        plugin.stopped()


def test_wrong_credentials_of_the_index_are_told_without_the_password(
    built: Path, tmp_path: Path, section: dict[str, Any]
) -> None:
    with postgresql() as server:
        wrong = settings_of(server) | {"Password": "very-secret"}
        with loaded(built, tmp_path, {"S3Storage": section, "PostgreSQL": wrong}) as plugin:
            plugin.started()
            reason = becomes(plugin, 503)["reason"]
            while "not tried yet" in reason:
                reason = becomes(plugin, 503)["reason"]
            assert "password authentication failed" in reason
            assert "very-secret" not in reason
            plugin.stopped()


def test_without_s3_a_folder_that_can_not_be_written_is_told_and_its_return_too(built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "storage"
    folder.mkdir()
    with loaded(built, tmp_path, {"S3Storage": {"Enable": False}, "StorageDirectory": str(folder)}) as plugin:
        plugin.started()
        assert becomes(plugin, 200)["storage"] is True
        folder.rename(tmp_path / "away")
        assert f"folder: {folder} can't be written: No such file or directory" in becomes(plugin, 503)["reason"]
        (tmp_path / "away").rename(folder)
        becomes(plugin, 200)
        plugin.stopped()
        assert list(folder.iterdir()) == []
