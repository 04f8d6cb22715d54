"""Kubeconfigs: what they give, and what is said when they can't."""

import base64
import os
from pathlib import Path

import pytest
import yaml

from infra.providers.kubernetes.kubeconfig import KubeconfigError, load, same_server


@pytest.fixture(autouse=True)
def _no_cluster_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def document(name: str = "c", user: dict[str, object] | None = None, **cluster: object) -> dict[str, object]:
    return {
        "current-context": name,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "mine"}}],
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}.example:6443", **cluster}}],
        "users": [{"name": name, "user": user or {"token": "t0ken"}}],
    }


def text(*arguments: object, **cluster: object) -> str:
    return yaml.safe_dump(document(*arguments, **cluster))  # type: ignore[arg-type]  # the tests' own arguments


def test_text_gives_the_current_contexts_cluster_user_and_namespace() -> None:
    access = load(text())
    assert (access.server, access.namespace, access.token) == ("https://c.example:6443", "mine", "t0ken")


def test_no_credential_shows() -> None:
    assert "t0ken" not in repr(load(text()))


def test_the_first_file_of_several_wins_and_paths_are_relative_to_their_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "ca.pem").write_text("PEM")
    (tmp_path / "a" / "config").write_text(text("a", **{"certificate-authority": "ca.pem"}))
    (tmp_path / "config").write_text(text("b"))
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/a/config{os.pathsep}{tmp_path}/absent{os.pathsep}{tmp_path}/config")
    access = load()
    assert (access.server, access.ca_certificate) == ("https://a.example:6443", "PEM")
    assert load(context="b").server == "https://b.example:6443"


def test_data_in_the_file_is_decoded() -> None:
    data = base64.b64encode(b"PEM").decode()
    access = load(text("c", {"client-certificate-data": data, "client-key-data": data}))
    assert (access.client_certificate, access.client_key) == ("PEM", "PEM")


def test_a_program_gives_a_token(tmp_path: Path) -> None:
    program = tmp_path / "login"
    program.write_text('#!/bin/sh\necho "{\\"status\\": {\\"token\\": \\"$WHO-$1\\"}}"\n')
    program.chmod(0o755)
    user = {"exec": {"command": str(program), "args": ["x"], "env": [{"name": "WHO", "value": "me"}]}}
    assert load(text("c", user)).token == "me-x"


@pytest.mark.parametrize(
    ("kubeconfig", "message"),
    [
        ("/absent/config", "kubeconfig /absent/config does not exist"),
        ("a: b: c\n", r"the provider's kubeconfig is no YAML \(line 1\)"),
        ("- a\n- b\n", "the provider's kubeconfig is no kubeconfig: it is not a map"),
        ("clusters: []\n", "has no current context: set current-context, or the provider's context"),
        ("current-context: c\ncontexts: []\n", "the kubeconfig has no context 'c'"),
        (text("c", {"exec": {"command": "/absent/login", "installHint": "ask IT"}}), "was not found: ask IT"),
        (text("c", {"exec": {"command": "false"}}), "exec program false failed"),
        (text("c", {"exec": {"command": "true"}}), "exec program true gave no credential"),
        (text("c", {"auth-provider": {"name": "gcp"}}), "auth-provider, which Kubernetes 1.26 removed: use exec"),
        (text("c", {"client-key": "/absent/key"}), "client-key /absent/key can't be read: No such file"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(kubeconfig: str, message: str) -> None:
    with pytest.raises(KubeconfigError, match=message) as refused:
        load(kubeconfig)
    assert "\n" not in str(refused.value)


def test_where_there_is_none_it_says_what_to_set() -> None:
    with pytest.raises(KubeconfigError, match="no cluster is configured: set KUBECONFIG"):
        load()


def test_a_variable_that_names_nothing_is_not_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/absent/config")
    with pytest.raises(KubeconfigError, match="KUBECONFIG names /absent/config, which does not exist"):
        load()


def test_two_ways_to_one_server_are_told_from_two_servers() -> None:
    assert same_server(load(text()), load(text("c", {"token": "other"})))
    assert not same_server(load(text("a")), load(text("b")))
