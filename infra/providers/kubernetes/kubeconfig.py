"""How to reach a cluster: a kubeconfig (text, file, KUBECONFIG, home) or the pod's own service account."""

import base64
import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_SECONDS = 60.0


class KubeconfigError(Exception):
    """The kubeconfig can't be used; the message says which part and why, without credentials."""


@dataclass(frozen=True)
class Access:
    """Everything a client needs. What is secret does not show."""

    server: str
    namespace: str | None = None
    ca_certificate: str | None = None
    """PEM; None: the system's authorities."""
    verify: bool = True
    server_name: str | None = None
    client_certificate: str | None = None
    client_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    """Read again for every request: short-lived tokens are renewed in place."""
    basic: tuple[str, str] | None = field(default=None, repr=False)
    proxy: str | None = None


def load(text_or_path: str | None = None, context: str | None = None, cluster: str | None = None) -> Access:
    """The access that a kubeconfig describes.

    Args:
        text_or_path: a kubeconfig's text or its file; None: KUBECONFIG's files, ~/.kube/config, else the pod's own.
        context: a context's name instead of the current one.
        cluster: a cluster's name instead of the context's.

    Raises:
        KubeconfigError: there is none, or it contradicts itself.
    """
    document, folder = _document(text_or_path)
    if document is None:
        return _in_cluster()
    name = context or document.get("current-context") or ""
    chosen = _named(document, "contexts", name, "context") if name else {}
    cluster_name = cluster or chosen.get("cluster") or ""
    if not cluster_name:
        raise KubeconfigError("the kubeconfig has no current context: set current-context, or the provider's context")
    return _access(
        _named(document, "clusters", cluster_name, "cluster"),
        _named(document, "users", chosen["user"], "user") if chosen.get("user") else {},
        chosen.get("namespace"),
        folder,
    )


def _document(text_or_path: str | None) -> tuple[dict[str, Any] | None, Path]:
    if text_or_path:
        if "\n" not in text_or_path and not text_or_path.lstrip().startswith("{"):
            path = Path(text_or_path).expanduser()
            if not path.is_file():
                raise KubeconfigError(f"kubeconfig {path} does not exist")
            return _parse(path.read_text(), str(path)), path.parent
        return _parse(text_or_path, "the provider's kubeconfig"), Path.cwd()
    named = [Path(one) for one in os.environ.get("KUBECONFIG", "").split(os.pathsep) if one]
    found = [path for path in named or [Path.home() / ".kube" / "config"] if path.is_file()]
    if not found:
        if named:
            raise KubeconfigError(f"KUBECONFIG names {os.pathsep.join(map(str, named))}, which does not exist")
        return None, Path.cwd()
    merged: dict[str, Any] = {}
    for path in found:
        _merge(merged, _parse(path.read_text(), str(path)), path.parent)
    return merged, Path.cwd()


def _parse(text: str, what: str) -> dict[str, Any]:
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise KubeconfigError(f"{what} is no YAML{f' (line {mark.line + 1})' if mark else ''}") from None
    if not isinstance(document, dict):
        raise KubeconfigError(f"{what} is no kubeconfig: it is not a map")
    return document


def _merge(merged: dict[str, Any], document: dict[str, Any], folder: Path) -> None:
    """The first file that names something wins; paths are relative to the file that names them."""
    if document.get("current-context"):
        merged.setdefault("current-context", document["current-context"])
    for kind in ("clusters", "users", "contexts"):
        have = merged.setdefault(kind, [])
        for entry in document.get(kind) or []:
            if all(entry.get("name") != one.get("name") for one in have):
                have.append({**entry, "folder": folder})


def _named(document: dict[str, Any], kind: str, name: str, inner: str) -> dict[str, Any]:
    for entry in document.get(kind) or []:
        if entry.get("name") == name:
            return {**(entry.get(inner) or {}), "folder": entry.get("folder")}
    raise KubeconfigError(f"the kubeconfig has no {inner} {name!r}")


def _access(cluster: dict[str, Any], user: dict[str, Any], namespace: str | None, folder: Path) -> Access:
    if not cluster.get("server"):
        raise KubeconfigError("the kubeconfig's cluster has no server")
    token, certificate, key = (
        user.get("token"),
        _pem(user, "client-certificate", folder),
        _pem(user, "client-key", folder),
    )
    if user.get("exec"):
        token, certificate, key = _from_program(user["exec"])
    elif user.get("auth-provider"):
        raise KubeconfigError("the kubeconfig's user has an auth-provider, which Kubernetes 1.26 removed: use exec")
    token_file = user.get("tokenFile")
    return Access(
        server=str(cluster["server"]).rstrip("/"),
        namespace=namespace,
        ca_certificate=_pem(cluster, "certificate-authority", folder),
        verify=not cluster.get("insecure-skip-tls-verify"),
        server_name=cluster.get("tls-server-name"),
        client_certificate=certificate,
        client_key=key,
        token=token,
        token_file=(user["folder"] or folder) / token_file if token_file else None,
        basic=(user["username"], user.get("password", "")) if user.get("username") else None,
        proxy=cluster.get("proxy-url"),
    )


def _pem(entry: dict[str, Any], name: str, folder: Path) -> str | None:
    if data := entry.get(f"{name}-data"):
        return base64.b64decode(data).decode()
    if not entry.get(name):
        return None
    path = (entry.get("folder") or folder) / Path(entry[name]).expanduser()
    try:
        return path.read_text()
    except OSError as error:
        raise KubeconfigError(f"the kubeconfig's {name} {path} can't be read: {error.strerror}") from None


def _from_program(program: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """Credentials from the program that the kubeconfig names (client.authentication.k8s.io)."""
    command = [program["command"], *(program.get("args") or [])]
    version = program.get("apiVersion", "client.authentication.k8s.io/v1")
    asked = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    environment = {**os.environ, "KUBERNETES_EXEC_INFO": json.dumps(asked)}
    environment |= {one["name"]: one["value"] for one in program.get("env") or []}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, check=True, timeout=EXEC_SECONDS, stdin=subprocess.DEVNULL
        )
        status = json.loads(done.stdout)["status"]
    except FileNotFoundError:
        hint = program.get("installHint") or "install it, or name its path"
        raise KubeconfigError(f"the kubeconfig's exec program {command[0]} was not found: {hint}") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or b"").decode(errors="replace").strip()[-500:]
        raise KubeconfigError(f"the kubeconfig's exec program {command[0]} failed: {said}") from None
    except (subprocess.TimeoutExpired, ValueError, KeyError) as error:
        reason = type(error).__name__
        raise KubeconfigError(f"the kubeconfig's exec program {command[0]} gave no credential ({reason})") from None
    return status.get("token"), status.get("clientCertificateData"), status.get("clientKeyData")


def _in_cluster() -> Access:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host or not (SERVICE_ACCOUNT / "token").is_file():
        raise KubeconfigError("no cluster is configured: set KUBECONFIG, or the provider's kubeconfig")
    return Access(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        namespace=(SERVICE_ACCOUNT / "namespace").read_text().strip(),
        ca_certificate=(SERVICE_ACCOUNT / "ca.crt").read_text(),
        token_file=SERVICE_ACCOUNT / "token",
    )


def same_server(one: Access, other: Access) -> bool:
    """Whether both reach the same API server, as far as its address tells."""
    return urlsplit(one.server) == urlsplit(other.server)
