"""A real Prometheus that has watched a made-up site for a while and goes on: backfilled, then scraping."""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.peers.seaweedfs import free_ports
from tests.peers.waiting import until

Key = tuple[str, str, tuple[tuple[str, str], ...]]
INSTANCE = "here:1"


class Site(Protocol):
    """What is watched: stepped to a time, it says its samples by job, name and labels."""

    @property
    def silent(self) -> frozenset[str]:
        """Jobs that do not answer."""

    def advance(self, to: float) -> None:
        """Goes on to that Unix time."""

    def samples(self) -> Iterable[tuple[Key, float]]:
        """What its exporters say."""


def _line(key: Key, value: float, *, job: bool) -> str:
    _, name, labels = key
    more = (("job", key[0]), ("instance", INSTANCE)) if job else ()
    return f"{name}{{{','.join(f'{label}={json.dumps(text)}' for label, text in (*labels, *more))}}} {value}"


def _backfill(site: Site, began: float, now: float, step: float, folder: Path) -> None:
    """Blocks of what the site has said from `began` to `now`, written into the folder."""
    told: dict[Key, list[str]] = {}
    jobs: set[str] = set()
    at = began
    while at <= now:
        site.advance(at)
        for key, value in site.samples():
            jobs.add(key[0])
            told.setdefault(key, []).append(f"{_line(key, value, job=True)} {at:.3f}")
        for job in jobs:
            up = (job, "up", ())
            told.setdefault(up, []).append(f"{_line(up, 1, job=True)} {at:.3f}")
        at += step
    by_name: dict[str, list[str]] = {}
    for (_, name, _), lines in told.items():
        by_name.setdefault(name, []).extend(lines)
    text = folder.with_suffix(".om")
    blocks = (f"# TYPE {name} unknown\n" + "\n".join(lines) for name, lines in by_name.items())
    text.write_text("\n".join(blocks) + "\n# EOF\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(folder)],
        check=True,
        capture_output=True,
    )


@contextmanager
def _exporters(site: Site) -> Iterator[int]:
    """Serves each job's samples at /JOB; its port. A silent job gets no answer but an error."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            job = self.path.removeprefix("/")
            with lock:
                site.advance(time.time())
                lines = [_line(key, value, job=False) for key, value in site.samples() if key[0] == job]
            body = "\n".join(lines).encode() + b"\n"
            self.send_response(500 if job in site.silent else 200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(ConnectionError):  # Prometheus may end meanwhile
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    address: str
    """HOST:PORT"""
    process: subprocess.Popen[bytes]

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The result of an instant query."""
        url = f"http://{self.address}/api/v1/query?{urlencode({'query': promql})}"
        with urlopen(url, timeout=20) as answer:
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def wait_for(self, condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
        """Waits until the condition holds; fails with words."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, what
            time.sleep(0.1)


@contextmanager
def prometheus(
    folder: Path, site: Site, began: float, *, scrape_seconds: int = 1, rules: str | None = None
) -> Iterator[Prometheus]:
    """Prometheus with the site's history since `began` (Unix seconds), scraping it further.

    `rules` is the text of a rule file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / "data"
    now = time.time()
    _backfill(site, began, now, 15.0, data)
    (port,) = free_ports(1)
    with _exporters(site) as exporters:
        jobs = sorted({key[0] for key, _ in site.samples()})
        configuration = {
            "global": {"scrape_interval": f"{scrape_seconds}s", "evaluation_interval": "1s"},
            "rule_files": [str(folder / "rules.yaml")] if rules else [],
            "scrape_configs": [
                {
                    "job_name": job,
                    "metrics_path": f"/{job}",
                    "static_configs": [{"targets": [f"127.0.0.1:{exporters}"], "labels": {"instance": INSTANCE}}],
                }
                for job in jobs
            ],
        }
        (folder / "prometheus.yaml").write_text(json.dumps(configuration))
        if rules:
            (folder / "rules.yaml").write_text(rules)
        command = ["prometheus", f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={data}"]
        command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        command += ["--storage.tsdb.allow-overlapping-blocks"]
        with subprocess.Popen(command) as process:
            try:
                until(f"http://127.0.0.1:{port}/-/ready", process)
                yield Prometheus(f"127.0.0.1:{port}", process)
            finally:
                process.terminate()
