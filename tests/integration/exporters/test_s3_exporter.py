"""The s3-exporter against a real S3, and against what is none."""

import json
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from exporters.s3_exporter import canary, declared, usage
from exporters.s3_exporter.config import Canary, Config, Declared, Retention
from exporters.s3_exporter.metrics import OPERATIONS, Metrics
from exporters.s3_exporter.store import client
from tests.peers.seaweedfs import SeaweedFS, seaweedfs

LOCKED = Declared(object_lock=True, retention=Retention(mode="GOVERNANCE", days=1), versioning="Enabled")


@pytest.fixture(scope="module")
def store() -> Iterator[SeaweedFS]:
    with seaweedfs() as server:
        yield server


@pytest.fixture
def bucket(store: SeaweedFS) -> str:
    name, s3 = f"canary-{uuid4().hex[:8]}", store.client()
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    retain(store, name, 1)
    return name


def retain(store: SeaweedFS, bucket: str, days: int | None) -> None:
    configuration: Any = {"ObjectLockEnabled": "Enabled"}
    if days:
        configuration["Rule"] = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": days}}
    store.client().put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=configuration)


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"s3_exporter_{name}", labels)


def test_a_round_measures_every_operation_and_the_object_has_a_delete_marker(store: SeaweedFS, bucket: str) -> None:
    metrics = Metrics()
    assert canary.measure(store.client(), Canary(bucket=bucket), metrics)
    for operation in OPERATIONS:
        assert sample(metrics, "operation_success", operation=operation) == 1
        assert sample(metrics, "operation_duration_seconds_count", operation=operation) == 1
    page = store.client().list_object_versions(Bucket=bucket)
    assert (len(page["Versions"]), len(page["DeleteMarkers"])) == (1, 1)


def test_old_canaries_are_removed_and_locked_ones_stay(store: SeaweedFS) -> None:
    free = f"free-{uuid4().hex[:8]}"
    s3 = store.client()
    s3.create_bucket(Bucket=free)
    s3.put_bucket_versioning(Bucket=free, VersioningConfiguration={"Status": "Enabled"})
    canary.measure(s3, Canary(bucket=free), Metrics())
    assert canary.sweep(s3, Canary(bucket=free)) == 0
    assert canary.sweep(s3, Canary(bucket=free), timedelta(seconds=-5)) == 2
    assert "Versions" not in s3.list_object_versions(Bucket=free)


def test_each_part_that_drifts_is_found(store: SeaweedFS, bucket: str) -> None:
    s3 = store.client()
    assert declared.compare(s3, bucket, LOCKED) == {"lock": True, "retention": True, "versioning": True}
    retain(store, bucket, 2)
    assert declared.compare(s3, bucket, LOCKED)["retention"] is False
    retain(store, bucket, None)
    assert declared.compare(s3, bucket, LOCKED) == {"lock": True, "retention": False, "versioning": True}
    plain = f"plain-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=plain)
    assert declared.compare(s3, plain, LOCKED) == {"lock": False, "retention": False, "versioning": False}
    rules: list[Any] = [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}]
    wanted = Declared(lifecycle=rules, policy={"Version": "2012-10-17", "Statement": []})
    assert declared.compare(s3, plain, wanted)["lifecycle"] is False
    s3.put_bucket_lifecycle_configuration(Bucket=plain, LifecycleConfiguration={"Rules": rules})
    assert declared.compare(s3, plain, wanted)["lifecycle"] is True
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{plain}/*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    assert declared.compare(s3, plain, Declared(policy=policy))["policy"] is False
    s3.put_bucket_policy(Bucket=plain, Policy=json.dumps(policy))
    assert declared.compare(s3, plain, Declared(policy=policy))["policy"] is True


def test_a_listing_of_bounded_cost_goes_on_where_it_stopped(store: SeaweedFS) -> None:
    s3, name = store.client(), f"many-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    for number in range(5):
        s3.put_object(Bucket=name, Key=f"{number}", Body=b"x" * 10)
    state = usage.Listing()
    found = usage.by_listing(s3, name, state, 1)
    assert found is not None
    assert (sum(found.sizes.values()), sum(found.counts.values()), found.source) == (50, 5, "listing")


@pytest.mark.parametrize(("answer", "result"), [(None, "timed-out"), (b"garbage\r\n\r\n", "failure")])
def test_an_endpoint_that_is_none_costs_its_time_out_and_is_told_apart(answer: bytes | None, result: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                end = listener.accept()[0]
                if over.is_set():
                    end.close()
                elif answer is not None:
                    end.sendall(answer)
                    end.close()
                else:
                    held.append(end)

        held: list[socket.socket] = []
        thread = threading.Thread(target=serve)
        thread.start()
        address = listener.getsockname()
        config = Config(endpoint=f"http://127.0.0.1:{address[1]}", timeout_seconds=0.3, canary=Canary(bucket="canary"))
        metrics = Metrics()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ACCESS_KEY_ID", "key")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
            assert not canary.measure(client(config), config.canary, metrics)
        over.set()
        socket.create_connection(address).close()
        thread.join(10)
        for end in held:
            end.close()
    assert sample(metrics, "operations_total", operation="put", result=result) == 1
    assert sample(metrics, "operations_total", operation="head", result="success") == 0  # not tried without the object


def test_the_command_serves_metrics_that_promtool_accepts_and_tells_no_secret(
    store: SeaweedFS, bucket: str, tmp_path: Path
) -> None:
    store.write_credentials(tmp_path / "credentials")
    (tmp_path / "c.yaml").write_text(f"endpoint: {store.endpoint}\ncanary: {{bucket: {bucket}}}\n")
    (tmp_path / "d.json").write_text(f'{{"buckets": {{"{bucket}": {{"objectLock": true, "capacityBytes": 1000000}}}}}}')
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "exporters.s3_exporter.main", f"--config.file={tmp_path / 'c.yaml'}"]
    command += [f"--declaration.file={tmp_path / 'd.json'}", f"--web.listen-address=127.0.0.1:{port}"]
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "PATH": "/usr/bin"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        assert "listening" in process.stderr.readline()
        page, wait = "", threading.Event()
        for _ in range(200):
            page = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
            if f'quota_used_ratio{{bucket="{bucket}"}}' in page and "s3_exporter_endpoint_up 1.0" in page:
                break
            wait.wait(0.05)
        process.terminate()
        assert process.wait(20) == 0
        said = process.stderr.read()
    assert f's3_exporter_as_declared{{bucket="{bucket}",part="lock"}} 1.0' in page
    assert f's3_exporter_check_success{{bucket="{bucket}"}} 1.0' in page
    assert store.secret_key not in page + said
    lint = subprocess.run(["promtool", "check", "metrics"], input=page, text=True, capture_output=True, check=False)
    assert lint.returncode == 0, lint.stdout + lint.stderr
