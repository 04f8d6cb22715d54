"""The deployed environment as tests see it: its outputs, its cluster, its front door."""

import base64
import json
import os
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import testinfra
from testinfra.host import Host

from infra import paths
from infra.environment import stack_variables, variables

STACK = "dev"
START_SECONDS = 90.0


class Deployed:
    """An environment that `make up` made."""

    def __init__(self, outputs: dict[str, Any], scratch: Path) -> None:
        self.outputs = outputs
        self.namespace: str = outputs["namespace"]
        self.env = {**os.environ, **variables(os.environ)}
        self.ca_file = scratch / "ca.pem"
        self.ca_file.write_text(outputs["dicomWeb"]["caCertificate"])

    def run(self, *command: str, check: bool = True, timeout: float = 280) -> subprocess.CompletedProcess[str]:
        """Runs a native tool in the project's environment; its output is shown where it fails."""
        done = subprocess.run(
            command,
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        if check and done.returncode:
            raise AssertionError(
                f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
            )
        return done

    def pulumi(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Pulumi on the stack, as `python -m infra.environment --stack` runs it."""
        self.env |= stack_variables(STACK)
        return self.run("pulumi", *arguments, "--non-interactive", "--stack", STACK, **options)

    def kubectl(self, *arguments: str, **options: Any) -> str:
        """kubectl in the environment's namespace."""
        return self.run("kubectl", "--namespace", self.namespace, *arguments, **options).stdout

    def objects(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """All objects of a kind in the namespace."""
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, "--output=json", *arguments))["items"]
        return items

    def pods(self, app: str) -> list[str]:
        """Names of an app's pods."""
        return [p["metadata"]["name"] for p in self.objects("pods", f"--selector=app.kubernetes.io/name={app}")]

    def inside(self, pod: str) -> Host:
        """A testinfra host inside a pod."""
        os.environ["PATH"] = self.env["PATH"]
        return testinfra.get_host(f"kubectl://{pod}?namespace={self.namespace}&kubeconfig={self.env['KUBECONFIG']}")

    def https(self, path: str, *, authorized: bool = True, method: str = "GET") -> tuple[int, bytes]:
        """A request at the front door: status and body."""
        web = self.outputs["dicomWeb"]
        request = Request(web["url"].removesuffix("/dicom-web") + path, method=method)  # noqa: S310 (https)
        if authorized:
            token = base64.b64encode(f"{web['username']}:{web['password']}".encode()).decode()
            request.add_header("Authorization", f"Basic {token}")
        context = ssl.create_default_context(cafile=str(self.ca_file))
        try:
            with urlopen(request, timeout=20, context=context) as answer:  # noqa: S310
                return answer.status, answer.read()
        except HTTPError as error:
            return error.code, error.read()

    def prometheus(self, query: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        url = f"{self.outputs['prometheus']['url']}/api/v1/query?{urlencode({'query': query})}"
        result: list[dict[str, Any]] = answered(url)["data"]["result"]
        return result

    def exposition(self, app: str, port: int) -> str:
        """The metrics of an app's one pod, asked of itself."""
        (pod,) = self.objects("pods", f"--selector=app.kubernetes.io/name={app}")
        # policies bind pods, not the node itself
        with urlopen(f"http://{pod['status']['podIP']}:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    def log_lines(self, result: str) -> float:
        """How many lines of the balancer's log the http-log-exporter had, by what they were."""
        name = f'http_log_exporter_lines_total{{result="{result}"}} '
        text = self.exposition("http-log-exporter", 9883)
        return next(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))

    def balancer_status(self, backend: str) -> dict[str, str]:
        """Server name -> UP, DOWN, MAINT, … as HAProxy itself says."""
        states: dict[str, str] = {}
        for line in self.exposition("load-balancer", 8404).splitlines():
            if line.startswith("haproxy_server_status{") and f'proxy="{backend}"' in line and line.endswith(" 1"):
                labels = dict(part.split("=", 1) for part in line.split("{")[1].split("}")[0].split(","))
                states[labels["server"].strip('"')] = labels["state"].strip('"')
        return states


def answered(url: str) -> Any:
    """The JSON of Prometheus or Alertmanager, which start anew with new rules and are waited for."""
    began = time.monotonic()
    while True:
        try:
            with urlopen(url, timeout=20) as answer:  # noqa: S310 (our own)
                return json.load(answer)
        except (OSError, HTTPException) as error:
            refused = isinstance(error, HTTPError) and error.code != HTTPStatus.SERVICE_UNAVAILABLE
            if refused or time.monotonic() - began > START_SECONDS:
                raise
        time.sleep(0.5)


def eventually(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Waits until the condition holds; the seconds it took. Fails with words after `seconds`."""
    began = time.monotonic()
    while True:
        if condition():
            return time.monotonic() - began
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.2)


@contextmanager
def patched(deployed: Deployed, kind: str, name: str, patch: dict[str, Any]) -> Iterator[None]:
    """Merges a patch into an object and puts back what was there."""
    before = json.loads(deployed.kubectl("get", kind, name, "--output=json"))["spec"]
    deployed.kubectl("patch", kind, name, "--type=merge", f"--patch={json.dumps(patch)}")
    try:
        yield
    finally:
        back = json.dumps([{"op": "replace", "path": "/spec", "value": before}])
        deployed.kubectl("patch", kind, name, "--type=json", f"--patch={back}")


def outputs() -> dict[str, Any]:
    """The stack's outputs."""
    loaded: dict[str, Any] = json.loads(paths.outputs_file(STACK).read_text())
    return loaded
