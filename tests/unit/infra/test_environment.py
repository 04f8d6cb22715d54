"""What the environment adds for the native tools, and what it leaves alone."""

import os
from pathlib import Path

import pytest

from infra import environment, paths


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VNAOPS_STATE", str(tmp_path / "state"))
    return tmp_path / "state"


def test_the_passphrase_is_made_once_and_readable_by_its_owner_only() -> None:
    first = environment.passphrase_file().read_text()
    assert len(first) >= 32
    assert environment.passphrase_file().read_text() == first
    assert paths.passphrase_file().stat().st_mode & 0o777 == 0o600


def test_the_passphrase_itself_is_never_in_the_environment() -> None:
    values = environment.variables({"PATH": "/usr/bin"})
    secret = environment.passphrase_file().read_text()
    assert secret not in "".join(values.values())


def test_what_the_user_has_set_is_left_alone() -> None:
    own = {
        "PATH": "/usr/bin",
        "KUBECONFIG": "mine",
        "PULUMI_BACKEND_URL": "s3://states",
        "PULUMI_CONFIG_PASSPHRASE": "mine",
    }
    assert not {"KUBECONFIG", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE"} & set(environment.variables(own))


def test_the_virtual_environment_and_the_tools_come_first_on_path_and_once() -> None:
    once = environment.variables({"PATH": "/usr/bin"})["PATH"]
    twice = environment.variables({"PATH": once})["PATH"]
    assert once == twice
    assert once.split(os.pathsep)[1:] == [str(paths.tools_bin()), "/usr/bin"]


def test_the_embedded_nodes_kubeconfig_is_used_once_there_is_one(state: Path) -> None:
    assert "KUBECONFIG" not in environment.variables({})
    paths.node_dir().mkdir(parents=True)
    paths.node_kubeconfig().touch()
    assert environment.variables({})["KUBECONFIG"] == str(paths.node_kubeconfig())


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "STACKS", tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text("config:\n  vnaops:archive: {replicas: 2}\n")
    (tmp_path / "Pulumi.prod.yaml").write_text("config:\n  vnaops:kubeContext: hospital\n")
    return tmp_path


def test_a_command_on_a_stack_gets_a_copy_of_its_file_to_write_into(stacks: Path) -> None:
    copy = Path(environment.stack_variables("dev")["PULUMI_OPTION_CONFIG_FILE"])
    assert copy.read_text() == (stacks / "Pulumi.dev.yaml").read_text()
    assert copy != stacks / "Pulumi.dev.yaml"


def test_a_stack_that_names_a_context_uses_the_users_kubeconfig(stacks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert environment.stack_variables("prod")["KUBECONFIG"] == str(Path.home() / ".kube" / "config")
    assert "KUBECONFIG" not in environment.stack_variables("dev")


def test_a_stack_without_a_file_is_refused_with_those_that_have_one(stacks: Path) -> None:
    with pytest.raises(SystemExit, match=r"^test: there is no stacks/Pulumi\.test\.yaml; there are dev, prod$"):
        environment.stack_variables("test")
