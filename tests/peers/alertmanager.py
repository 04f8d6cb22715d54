"""Alertmanager as a process, and a webhook that it tells."""

import json
import re
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

WITHIN_SECONDS = 30.0
FASTER = 60
"""A minute of the configuration is a second of the test."""

Labels = dict[str, str]


@dataclass
class Webhook:
    """Remembers what it was told, in order."""

    url: str
    told: list[dict[str, Any]] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    """When, by `time.monotonic()`."""
    changed: threading.Condition = field(default_factory=lambda: threading.Condition(threading.RLock()))

    def alerts(self, status: str = "firing") -> list[str]:
        """The names of the alerts that it was told of, with their repetitions."""
        with self.changed:
            return [
                alert["labels"]["alertname"]
                for message in self.told
                for alert in message["alerts"]
                if alert["status"] == status
            ]

    def wait_for(self, what: Callable[[list[str]], bool], status: str = "firing") -> list[str]:
        """Waits until the names suit; fails with what came instead."""
        with self.changed:
            came = self.changed.wait_for(lambda: what(self.alerts(status)), WITHIN_SECONDS)
            assert came, self.told
            return self.alerts(status)


@contextmanager
def webhook() -> Iterator[Webhook]:
    """Listens until left."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with made.changed:
                made.told.append(message)
                made.at.append(time.monotonic())
                made.changed.notify_all()
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Webhook(f"http://127.0.0.1:{server.server_port}/told")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@dataclass(frozen=True)
class Alertmanager:
    """The process by its address."""

    url: str

    def fire(self, *alerts: Labels) -> None:
        """As Prometheus does."""
        now = datetime.now(UTC).isoformat()
        body = [{"labels": labels, "annotations": {"summary": "a test."}, "startsAt": now} for labels in alerts]
        request = urllib.request.Request(  # noqa: S310 (our own process)
            f"{self.url}/api/v2/alerts", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=WITHIN_SECONDS):  # noqa: S310
            pass

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """Those of that name, each with its `status`: `state`, `silencedBy`, `inhibitedBy`."""
        wanted = urllib.parse.urlencode({"filter": f'alertname="{name}"'})
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts?{wanted}", timeout=WITHIN_SECONDS) as answer:  # noqa: S310
            found: list[dict[str, Any]] = json.load(answer)
        return found


def faster(configuration: str) -> str:
    """The same configuration with every duration shortened."""

    def shorten(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: shorten(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [shorten(one) for one in value]
        if key in ("group_wait", "group_interval", "repeat_interval"):
            number, unit = re.fullmatch(r"(\d+)([smh])", value).groups()  # type: ignore[union-attr]  # it has this form
            return f"{int(number) * {'s': 1000, 'm': 60_000, 'h': 3_600_000}[unit] // FASTER}ms"
        return value

    return yaml.safe_dump(shorten(yaml.safe_load(configuration)))


@contextmanager
def alertmanager(configuration: str, folder: Path) -> Iterator[Alertmanager]:
    """Runs with this configuration until left; its port is the system's choice, its data are below `folder`."""
    (folder / "alertmanager.yaml").write_text(configuration)
    command = [
        "alertmanager",
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'data'}",
        "--cluster.listen-address=",
        "--web.listen-address=127.0.0.1:0",
    ]
    log: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        reader = None
        try:
            for line in process.stderr:
                log.append(line)
                if found := re.search(r'msg="Listening on" address=(127\.0\.0\.1:\d+)', line):
                    break
            else:
                raise AssertionError("".join(log))
            # or it would stop at a full pipe
            reader = threading.Thread(target=log.extend, args=(process.stderr,))
            reader.start()
            yield Alertmanager(f"http://{found[1]}")
        finally:
            process.terminate()
            process.wait()
            if reader:
                reader.join()
