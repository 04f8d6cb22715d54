"""Who is asked: the API server by kubectl, Prometheus, Alertmanager, the front door's own certificate."""

import json
import socket
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

TIMEOUT_SECONDS = 5.0


class SourceError(Exception):
    """It can't be asked; the text says why in one line."""


@dataclass(frozen=True)
class Sources:
    """An environment's sources. `outputs` are those of its stack, `env` the variables in which kubectl works."""

    outputs: Mapping[str, Any]
    env: Mapping[str, str]

    def objects(self, kinds: str) -> list[dict[str, Any]]:
        """The namespace's objects of some kinds."""
        namespace = self.outputs["namespace"]
        command = ["kubectl", f"--request-timeout={TIMEOUT_SECONDS:g}s", "--namespace", namespace, "get", kinds]
        try:
            done = subprocess.run(
                [*command, "--output=json"], env=dict(self.env), capture_output=True, text=True, timeout=30, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SourceError(f"kubectl: {error}") from error
        if done.returncode:
            raise SourceError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "kubectl failed")
        found: list[dict[str, Any]] = json.loads(done.stdout)["items"]
        return found

    def query(self, promql: str) -> list[tuple[dict[str, str], float]]:
        """An instant query: labels and value of each series."""
        answer = _get(self._url("prometheus", "monitoring.nodePort"), "/api/v1/query", {"query": promql})
        return [(one["metric"], float(one["value"][1])) for one in answer["data"]["result"]]

    def alerts(self) -> list[dict[str, Any]]:
        """What Alertmanager has, quiet ones included."""
        url = self._url("alertmanager", "monitoring.alertmanagerNodePort")
        found: list[dict[str, Any]] = _get(url, "/api/v2/alerts", {})
        return found

    def certificate_end(self, name: str) -> datetime:
        """When the certificate of that door (an output with host, port and caCertificate) ends; it is verified too."""
        door = self.outputs[name]
        context = ssl.create_default_context(cadata=door["caCertificate"])
        try:
            with (
                socket.create_connection((door["host"], door["port"]), TIMEOUT_SECONDS) as connection,
                context.wrap_socket(connection, server_hostname=door["host"]) as secured,
            ):
                certificate = secured.getpeercert() or {}
        except OSError as error:
            raise SourceError(getattr(error, "verify_message", None) or str(error)) from error
        return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), UTC)

    def _url(self, output: str, setting: str) -> str:
        if output not in self.outputs:
            raise SourceError(f"{output} is not published ({setting} of the stack's settings)")
        return str(self.outputs[output]["url"])


def _get(url: str, path: str, query: Mapping[str, str]) -> Any:
    try:
        with urlopen(f"{url}{path}?{urlencode(query)}", timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 (own services)
            return json.load(answer)
    except URLError as error:
        raise SourceError(f"{url} does not answer: {error.reason}") from error
    except (OSError, ValueError) as error:
        raise SourceError(f"{url} does not answer: {error}") from error
