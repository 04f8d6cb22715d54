"""A browser, and a page before a Prometheus that has watched a made-up hospital for hours."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from infra import rules
from loadtests.reports.pdf import BROWSERS
from tests.integration.page.hospital import Hospital
from tests.peers.page import page
from tests.peers.prometheus import Prometheus, prometheus

HOUR = 3600.0
NOBODY = "127.0.0.1:1"
"""Where nobody listens: the page has no Alertmanager unless a test says what that would answer."""
SCREENSHOTS = Path(__file__).parents[3] / "build/screenshots"


@dataclass(frozen=True)
class Watched:
    """A hospital, its Prometheus, and the address of its page."""

    hospital: Hospital
    prometheus: Prometheus
    url: str


def rule_file() -> str:
    """The recording rules, and the alerts that say whether anybody watches."""
    sources = [rules.FOLDER / "recording.yaml", rules.FOLDER / "alerts/monitoring.yaml"]
    groups = [group for source in sources for group in yaml.safe_load(source.read_text())["groups"]]
    return yaml.safe_dump({"groups": groups})


@contextmanager
def watched(folder: Path, *, hours: float = 2.25, **how: object) -> Iterator[Watched]:
    """The page of a hospital that has been watched for so long and is as `how` says (`Hospital`'s fields)."""
    folder.mkdir(exist_ok=True)
    now = time.time()
    began = now - hours * HOUR
    hospital = Hospital(began, (now - 1500, now - 900), **how)  # type: ignore[arg-type]  # its own fields
    with (
        prometheus(folder / "prometheus", hospital, began, rules=rule_file()) as running,
        page(folder, running.address, NOBODY) as url,
    ):
        running.wait_for(lambda: bool(running.query('ALERTS{alertname="Watchdog"}')), "rules are evaluated")
        yield Watched(hospital, running, url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium: playwright's own browsers are downloads."""
    executable = next(filter(None, map(shutil.which, BROWSERS)))
    with sync_playwright() as playwright:
        # in a container there is no other sandbox for root, and the pages are our own
        made = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="module")
def well(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A hospital where all is well."""
    with watched(tmp_path_factory.mktemp("well")) as site:
        yield site


@contextmanager
def opened(
    browser: Browser, url: str, *, width: int = 1920, height: int = 1080, dark: bool = True, errors: bool = True
) -> Iterator[Page]:
    """The page in a window of that size; fails on leaving if it threw an error."""
    thrown: list[str] = []
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light")
    try:
        window = context.new_page()
        window.on("pageerror", lambda error: thrown.append(str(error)))
        window.goto(url)
        yield window
    finally:
        context.close()
    assert not errors or thrown == []
