"""HTTP beside the relay: `/metrics`, `/-/healthy`, `/-/drain`."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from prometheus_client import generate_latest

from exporters.dimse_tap.metrics import Metrics
from exporters.dimse_tap.relay import Relay

EXPOSITION: Final = "text/plain; version=0.0.4; charset=utf-8"


class Web(ThreadingHTTPServer):
    """Serves in threads of its own; the relay's thread is never waited for."""

    daemon_threads = True

    def __init__(self, listen: tuple[str, int], metrics: Metrics, relay: Relay, drain_seconds: float) -> None:
        self.metrics, self.relay, self.drain_seconds = metrics, relay, drain_seconds
        super().__init__(listen, _Handler)

    def start(self) -> None:
        """Begin to serve."""
        threading.Thread(target=self.serve_forever, name="web", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    server: Web
    timeout = 30

    def do_GET(self) -> None:
        if self.path == "/metrics":
            self._answer(200, generate_latest(self.server.metrics.registry), EXPOSITION)
        elif self.path == "/-/healthy":
            self._answer(200, b"Healthy\n")
        elif self.path == "/-/drain":
            self._drain()
        else:
            self._answer(404, b"there are /metrics, /-/healthy and /-/drain\n")

    def _drain(self) -> None:
        """For the archive's preStop hook: answers when the last association has ended or the grace is over."""
        self.server.relay.drain()
        end = time.monotonic() + self.server.drain_seconds
        while self.server.relay.connections and time.monotonic() < end:
            time.sleep(0.05)
        self._answer(200, f"{self.server.relay.connections} associations are left\n".encode())

    def _answer(self, status: int, body: bytes, content_type: str = "text/plain; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Scrapes aren't worth a line."""
