"""`Secret`, `Certificate`, `Credentials` with the engine: what the state keeps, what leaves it, what repairs itself."""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pulumi
import pytest
from pulumi import automation

from infra import paths
from infra.providers.vnaops import certificates, credentials_file
from infra.providers.vnaops.credentials_file import Keys
from infra.providers.vnaops.resources import Bucket, Certificate, Credentials, Secret
from tests.integration.providers.vnaops.conftest import PLUGIN, Engine
from tests.peers.seaweedfs import free_ports, seaweedfs


def program(keeper: str = "first") -> None:
    secret = Secret("password", keepers={"since": keeper})
    root = Certificate("root", common_name="root", is_ca=True, validity_days=3650)
    leaf = Certificate(
        "leaf",
        common_name="archive",
        dns_names=["archive.dev.svc"],
        ca_certificate=root.certificate,
        ca_private_key=root.private_key,
    )
    keys = Credentials("keys", profile="dev")
    pulumi.export("password", secret.value)
    pulumi.export("root", root.certificate)
    pulumi.export("leaf", leaf.certificate)
    pulumi.export("leafKey", leaf.private_key)
    pulumi.export("rootKey", root.private_key)
    pulumi.export("secretAccessKey", keys.secret_access_key)


SECRET = ("password", "leafKey", "rootKey", "secretAccessKey")


def test_secrets_are_encrypted_in_the_state_and_everything_repairs_itself(engine: Engine) -> None:
    assert [step["op"] for step in engine.planned(program)] == ["create"] * 4  # with much that is not known yet
    outputs = engine.up(program).outputs
    assert [name for name, output in outputs.items() if output.secret] == sorted(SECRET)
    for name in SECRET:
        value = str(outputs[name].value)
        for text in (value, value.strip().splitlines()[-2] if "\n" in value else value):
            assert text not in engine.state_text()
            assert text not in "\n".join(engine.printed)
    assert "ciphertext" in engine.state_text()
    assert certificates.wish_of(outputs["leaf"].value).dns_names == ["archive.dev.svc"]
    assert engine.planned(program) == []

    file = paths.credentials_file()
    held = credentials_file.read(file, "dev")
    assert held is not None
    assert held.secret_access_key == outputs["secretAccessKey"].value
    file.unlink()
    (step,) = engine.planned(program)
    assert (step["op"], step["type"]) == ("update", "vnaops:index:Credentials")
    engine.up(program)
    assert credentials_file.read(file, "dev") == held
    file.unlink()
    engine.stack(program).refresh()
    assert credentials_file.read(file, "dev") == held

    _let_pass(engine, "leaf", days=340)
    (step,) = engine.planned(program)
    assert (step["op"], sorted(step["diff"])) == ("update", ["certificate", "notAfter", "privateKey"])
    renewed = engine.up(program).outputs
    assert renewed["leafKey"].value != outputs["leafKey"].value
    assert renewed["root"].value == outputs["root"].value
    end = certificates.load_certificate(renewed["leaf"].value, "leaf").not_valid_after_utc
    assert end > datetime.now(UTC) + timedelta(days=364)
    assert engine.planned(program) == []

    replaced = engine.up(lambda: program("second")).outputs
    assert replaced["password"].value != outputs["password"].value
    assert len(replaced["password"].value) == 32

    engine.stack(program).destroy()
    assert credentials_file.profiles(file) == []


def _let_pass(engine: Engine, name: str, *, days: int) -> None:
    """Move a certificate's end in the state, as if that many days had passed."""
    stack = engine.stack(program)
    deployment = stack.export_stack()
    assert deployment.deployment is not None
    for resource in deployment.deployment["resources"]:
        if resource["urn"].endswith(f"Certificate::{name}"):
            end = datetime.fromisoformat(resource["outputs"]["notAfter"]) - timedelta(days=days)
            resource["outputs"]["notAfter"] = end.isoformat()
    stack.import_stack(deployment)


def test_an_imported_secret_stays_what_it_is(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("x" * 40)

    def described() -> None:
        pulumi.export("password", Secret("password", length=40).value)

    engine.import_("Secret", "password", str(file), described)
    assert engine.resource("Secret")["id"] != str(file)
    assert engine.planned(described) == []
    assert engine.up(described).outputs["password"].value == "x" * 40


def test_a_refused_key_is_not_shown(engine: Engine) -> None:
    root = certificates.issue(certificates.Wish("root", is_ca=True, usages=()), None, certificates.utc_now())

    def run() -> None:
        Certificate("leaf", common_name="x", ca_certificate=root.certificate, ca_private_key="topsecret")

    said = engine.refused(run)
    assert "caCertificate: caPrivateKey is not an unencrypted private key in PEM form" in said
    assert "topsecret" not in said


def test_an_unknown_kind_is_refused_by_name(engine: Engine) -> None:
    def run() -> None:
        pulumi.CustomResource("vnaops:index:Bukket", "x", {})

    said = engine.refused(run)
    assert "the provider vnaops has no resource vnaops:index:Bukket; it has vnaops:index:Bucket" in said


class Waiting:
    """`pulumi up` in a thread, and the moment when the provider says that it waits for the endpoint."""

    def __init__(self, engine: Engine, program: Callable[[], None]) -> None:
        self._stack = engine.stack(program)
        self._began = threading.Event()
        self.outcome: automation.UpResult | Exception | None = None
        self._thread = threading.Thread(target=self._up)
        self._thread.start()
        assert self._began.wait(60), self.outcome

    def _up(self) -> None:
        try:
            self.outcome = self._stack.up(on_event=self._note)
        except Exception as error:
            self.outcome = error
        self._began.set()

    def _note(self, event: automation.EngineEvent) -> None:
        if event.diagnostic_event and "waiting for the S3 endpoint" in event.diagnostic_event.message:
            self._began.set()

    def join(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()


def plugins(engine: Engine) -> Iterator[tuple[int, str]]:
    """Pid, and arguments with environment, of this test's plug-in processes."""
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                arguments = (process / "cmdline").read_text()
                environment = (process / "environ").read_text()
            except OSError:
                continue
            if str(PLUGIN / "pulumi-resource-vnaops") in arguments and str(engine.folder) in environment:
                yield int(process.name), arguments + environment


def with_own_keys(port: int, bucket: str) -> Callable[[], None]:
    def run() -> None:
        keys = Credentials("keys", profile="dev")
        secret = Secret("password")
        Bucket(
            "archive",
            bucket=bucket,
            endpoint=f"http://127.0.0.1:{port}",
            profile=keys.profile,
            opts=pulumi.ResourceOptions(depends_on=[secret]),
        )
        pulumi.export("password", secret.value)
        pulumi.export("secretAccessKey", keys.secret_access_key)

    return run


def test_a_store_that_comes_up_later_is_waited_for_and_no_secret_is_in_arguments_or_environment(engine: Engine) -> None:
    port, bucket = free_ports(1)[0], f"archive-{uuid4().hex[:12]}"
    waiting = Waiting(engine, with_own_keys(port, bucket))
    seen = list(plugins(engine))
    keys = credentials_file.read(paths.credentials_file(), "dev")
    assert keys is not None
    with seaweedfs(s3_port=port, keys=(keys.access_key_id, keys.secret_access_key)) as store:
        waiting.join()
        assert isinstance(waiting.outcome, automation.UpResult), waiting.outcome
        assert [one["Name"] for one in store.client().list_buckets()["Buckets"]] == [bucket]
    assert seen
    for name in ("password", "secretAccessKey"):
        assert all(str(waiting.outcome.outputs[name].value) not in text for _, text in seen)


def test_an_interrupt_ends_the_waiting_and_leaves_no_process(engine: Engine) -> None:
    port, bucket = free_ports(1)[0], f"archive-{uuid4().hex[:12]}"
    waiting = Waiting(engine, with_own_keys(port, bucket))
    pids = [pid for pid, _ in plugins(engine)]
    assert pids
    os.kill(_parent(pids[0]), signal.SIGINT)
    waiting.join()
    assert isinstance(waiting.outcome, automation.CommandError)
    assert "cancelled: nothing further was done" in str(waiting.outcome)
    assert not list(plugins(engine))
    assert credentials_file.read(paths.credentials_file(), "dev") is not None  # in the state too: the next up goes on
    assert {one["type"] for one in _resources(engine)} >= {"vnaops:index:Credentials", "vnaops:index:Secret"}


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _resources(engine: Engine) -> list[dict[str, Any]]:
    return list(json.loads(engine.state_text())["checkpoint"]["latest"]["resources"])


def test_a_profile_of_somebody_else_is_imported_not_taken(engine: Engine) -> None:
    def described() -> None:
        Credentials("keys", profile="site")

    credentials_file.write(paths.credentials_file(), "site", Keys("A", "B"), "somebody else")
    assert "profile 'site' in" in engine.refused(described)
    engine.import_("Credentials", "keys", "site", described)
    assert engine.planned(described) == []
    assert credentials_file.read(paths.credentials_file(), "site") == Keys("A", "B")


@pytest.fixture(autouse=True)
def nothing_is_left(engine: Engine) -> Iterator[None]:
    yield
    assert not list(plugins(engine))
