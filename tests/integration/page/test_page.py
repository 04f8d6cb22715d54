"""The page in a real browser, before a real nginx and a real Prometheus."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, Page, expect

from infra.components.nginx import CONTENT_SECURITY_POLICY
from infra.dashboards import DASHBOARDS
from infra.dashboards.generated_files import VIEWS
from infra.dashboards.panel import Kind
from infra.dashboards.wall import WALL
from tests.integration.page.conftest import SCREENSHOTS, Watched, opened, watched
from tests.integration.page.hospital import Hospital
from tests.peers.page import page

IDS = [view["id"] for view in json.loads(VIEWS.read_text())["views"]]
SIZES = {"wall": (1920, 1080), "phone": (390, 844)}


def value(window: Page, title: str) -> str:
    """What the tile of that title says, once it says something."""
    tile = window.locator(".wall .tile", has=window.get_by_text(title, exact=True))
    return tile.locator(".value").inner_text()


def drawn(window: Page) -> None:
    """Waits until every picture of the view has been asked for and answered."""
    expect(window.locator("figure")).not_to_have_count(0)
    expect(window.locator("figure .body:empty")).to_have_count(0, timeout=30000)


def status(request: Request | str) -> int:
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310 (our own server)
            code: int = answer.status
    except HTTPError as error:
        code = error.code
        error.close()
    return code


@pytest.mark.parametrize("view", IDS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["dark", "light"])
def test_every_view_draws_every_panel(browser: Browser, well: Watched, view: str, size: str, theme: str) -> None:
    width, height = SIZES[size]
    declared = DASHBOARDS[IDS.index(view)]
    with opened(browser, f"{well.url}/#{view}", width=width, height=height, dark=theme == "dark") as window:
        drawn(window)
        pictures = [panel for panel in declared.panels if panel.kind is not Kind.STAT]
        assert window.locator("figure h3").all_inner_texts() == [panel.title for panel in pictures]
        assert window.locator(".nothing").all_inner_texts() == []
        assert window.locator("figure canvas").count() == sum(panel.kind is not Kind.TABLE for panel in pictures)
        assert "–" not in window.locator(".tile .value").all_inner_texts()
        assert window.evaluate("document.documentElement.scrollWidth") == width, "nothing is cut off at the side"
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        window.screenshot(path=SCREENSHOTS / f"{view}-{width}x{height}-{theme}.png")


def test_the_large_numbers_are_what_prometheus_says(browser: Browser, well: Watched) -> None:
    with opened(browser, well.url) as window:
        expect(window.locator("#verdict")).to_have_text("All is well")
        assert window.locator(".wall .label").all_inner_texts() == [panel.title for panel in WALL]
        assert value(window, "Front door") == "up"
        assert value(window, "Alerts firing") == "0"
        # 4 TB less 3.1 TB, at 6 GB a day
        assert value(window, "Days to full") in ("149days", "150days")
        stored = float(value(window, "Instances stored").removesuffix("/s"))
        assert stored == pytest.approx(float(well.prometheus.query(WALL[3].queries[0].promql)[0]["value"][1]), rel=0.05)
        number, unit = re.fullmatch(r"([\d.]+)(m?s)", value(window, "Store p99")).groups()  # type: ignore[union-attr]
        p99 = float(well.prometheus.query(WALL[2].queries[0].promql)[0]["value"][1])
        assert float(number) / (1000 if unit == "ms" else 1) == pytest.approx(p99, rel=0.05)


def test_numbers_come_first_on_a_wall_and_one_below_the_other_on_a_phone(browser: Browser, well: Watched) -> None:
    def places(window: Page) -> list[dict[str, float]]:
        expect(window.locator("#verdict")).not_to_be_empty()
        boxes = [tile.bounding_box() for tile in window.locator(".wall .tile").all()]
        return [dict(box) for box in boxes if box]

    with opened(browser, well.url) as window:
        assert len({tile["y"] for tile in places(window)}) == 1
        sizes = [window.locator(".wall .value").first, window.locator("figcaption h3").first]
        large, small = (float(one.evaluate("one => parseFloat(getComputedStyle(one).fontSize)")) for one in sizes)
        assert large > 4 * small
    with opened(browser, well.url, width=390, height=844) as window:
        assert len({tile["x"] for tile in places(window)}) == 1
        assert len({tile["y"] for tile in places(window)}) == len(WALL)


def test_the_campaign_is_seen_in_the_heat_map(browser: Browser, well: Watched) -> None:
    with opened(browser, f"{well.url}/#campaigns") as window:
        drawn(window)
        card = window.locator("figure", has=window.get_by_text("Latency of the load's stores", exact=True))
        # 12 ms in quiet hours, six times that under load
        expect(card.locator(".words")).to_contain_text("most took 50 ms to 100 ms")


def test_a_legend_says_what_is_now_and_no_old_value(browser: Browser, well: Watched) -> None:
    with opened(browser, f"{well.url}/#campaigns") as window:
        drawn(window)
        card = window.locator("figure", has=window.get_by_text("The load's stores", exact=True))
        # the load has ended: nothing is stored, so that no quantile is known
        assert [text.split()[-1] for text in card.locator(".legend li").all_inner_texts()] == ["–", "–", "–"]


def test_the_address_chooses_view_and_time(browser: Browser, well: Watched) -> None:
    with opened(browser, f"{well.url}/#dicom/15m") as window:
        expect(window.locator("#view-title")).to_have_text("DICOM transactions")
        expect(window.locator("#range")).to_have_value("15m")
        window.get_by_role("link", name="Object storage and capacity").click()
        expect(window.locator("#view-title")).to_have_text("Object storage and capacity")
        window.get_by_label("over").select_option("6h")
        assert window.evaluate("location.hash") == "#storage/6h"


def test_it_can_be_used_from_the_keyboard_and_read_aloud(browser: Browser, well: Watched) -> None:
    with opened(browser, well.url) as window:
        drawn(window)
        window.keyboard.press("Tab")
        assert window.evaluate("document.activeElement.textContent") == "Skip to the pictures"
        for _ in range(3):
            window.keyboard.press("Tab")
        window.keyboard.press("Enter")
        expect(window.locator("#view-title")).to_have_text("DICOM transactions")
        assert window.locator("nav a[aria-current=page]").inner_text() == "DICOM transactions"
        assert window.get_by_role("heading", level=1).count() == 1
        assert window.get_by_role("status").inner_text() == "All is well"
        for figure in window.locator("figure").all():
            assert window.locator(f"#{figure.get_attribute('aria-labelledby')}").inner_text()
        assert window.locator("canvas:not([aria-hidden=true] *)").count() == 0, "a canvas says nothing aloud"


def test_nothing_comes_from_elsewhere(browser: Browser, well: Watched) -> None:
    asked: list[str] = []
    with opened(browser, "about:blank") as window:
        window.on("request", lambda request: asked.append(request.url))
        for view in IDS:
            window.goto(f"{well.url}/#{view}")
            drawn(window)
    assert asked
    assert [url for url in asked if not url.startswith(f"{well.url}/")] == []


def test_the_policy_lets_no_foreign_or_inline_script_run(browser: Browser, well: Watched) -> None:
    with opened(browser, well.url) as window:
        answer = window.goto(well.url)
        assert answer is not None
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        window.evaluate("""() => {
            const script = document.createElement("script");
            script.textContent = "window.slipped = true";
            document.body.append(script);
        }""")
        assert window.evaluate("window.slipped === undefined")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/admin/tsdb/delete_series?match[]=up",
        "/api/v1/admin/tsdb/snapshot",
        "/-/quit",
        "/-/reload",
        "/api/v1/status/config",
        "/api/v1/targets",
        "/api/v1/label/__name__/values",
        "/api/v1/query/../targets",
        "/api/v1/query%2f..%2ftargets",
        "/metrics",
        "/federate?match[]=up",
        "/api/v2/silences",
        "/nginx.conf",
    ],
)
def test_only_the_four_questions_pass(well: Watched, path: str) -> None:
    assert status(f"{well.url}{path}") in (400, 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/", "/api/v1/query?query=up", "/api/v2/alerts"])
def test_nothing_can_be_changed(well: Watched, method: str, path: str) -> None:
    assert status(Request(f"{well.url}{path}", method=method)) in (403, 405)  # noqa: S310 (our own server)


def test_prometheus_down_is_said_plainly_and_no_number_stays(browser: Browser, tmp_path: Path) -> None:
    with watched(tmp_path) as site, opened(browser, site.url) as window:
        expect(window.locator("#verdict")).to_have_text("All is well")
        site.prometheus.process.terminate()
        site.prometheus.process.wait()
        trouble = window.locator("#trouble")
        expect(trouble).to_have_text(
            "Prometheus can't be reached: it does not answer this page's server", timeout=20000
        )
        assert set(window.locator(".tile .value").all_inner_texts()) == {"–"}
        assert window.locator("#alerts").inner_text() == "Alerts are not known."
        assert window.locator("td").all_inner_texts() == [], "a table has no time: it would read as the present"
        assert window.locator(".legend li").count() == 0
        expect(window.locator("#verdict")).to_have_text("How things are is not known")
        expect(window.locator("#as-of")).to_contain_text("last current at")
        window.screenshot(path=SCREENSHOTS / "prometheus-down-1920x1080-dark.png")


def test_a_page_that_starts_without_prometheus_says_so(browser: Browser, tmp_path: Path) -> None:
    with page(tmp_path, "127.0.0.1:1", "127.0.0.1:1") as url, opened(browser, url) as window:
        expect(window.locator("#trouble")).to_contain_text("Prometheus can't be reached")
        assert set(window.locator(".tile .value").all_inner_texts()) == {"–"}


def test_a_page_whose_own_server_is_gone_says_so(browser: Browser, tmp_path: Path) -> None:
    (tmp_path / "served").mkdir()
    with watched(tmp_path / "site") as site:
        with page(tmp_path / "served", site.prometheus.address, "127.0.0.1:1") as url:
            context = browser.new_context()
            window = context.new_page()
            window.goto(url)
            expect(window.locator("#verdict")).to_have_text("All is well")
        expect(window.locator("#trouble")).to_have_text("Prometheus can't be reached: no connection", timeout=20000)
        assert set(window.locator(".tile .value").all_inner_texts()) == {"–"}
        context.close()


def test_a_source_that_does_not_answer_gives_no_number(browser: Browser, tmp_path: Path) -> None:
    with watched(tmp_path, silent=frozenset({"dimse-tap"})) as site:
        silent = 'max(up{job="dimse-tap"}) == 0'
        site.prometheus.wait_for(lambda: bool(site.prometheus.query(silent)), "the tap is seen to be silent")
        with opened(browser, f"{site.url}/#dicom") as window:
            drawn(window)
            # a rate over five minutes still has a value then, from before
            assert site.prometheus.query(WALL[2].queries[0].promql)
            assert (value(window, "Store p99"), value(window, "Instances stored")) == ("–", "–")
            assert value(window, "Front door") == "up"
            note = window.locator(".wall .tile", has=window.get_by_text("Store p99")).locator(".note")
            expect(note).to_have_text("not current: dimse-tap does not answer")
            stale = set(window.locator("figure .stale").all_inner_texts())
            assert stale == {"not current: dimse-tap does not answer"}


def test_a_front_door_that_is_down_is_said_before_its_alert_fires(browser: Browser, tmp_path: Path) -> None:
    with watched(tmp_path, front_door=0.0) as site:
        down = "max(dicom_probe_success) == 0"
        site.prometheus.wait_for(lambda: bool(site.prometheus.query(down)), "the probes are seen to fail")
        with opened(browser, site.url) as window:
            expect(window.locator("#verdict")).to_have_text("Front door: down")
            assert window.locator("#verdict").get_attribute("data-grade") == "critical"


ALERTS: list[dict[str, Any]] = [
    {
        "labels": {"alertname": "Watchdog", "severity": "none"},
        "annotations": {},
        "state": "firing",
        "activeAt": "2026-01-01T00:00:00Z",
    },
    *(
        {
            "labels": {"alertname": name, "severity": severity, "component": "archive"},
            "annotations": {"summary": f"{name} <b>is</b> so.", "runbook_url": runbook},
            "state": state,
            "activeAt": "2026-01-01T00:00:00Z",
        }
        for name, severity, state, runbook in (
            ("StoreSlow", "warning", "firing", "runbooks/store-slow.md"),
            ("ArchiveDown", "critical", "firing", "https://runbooks.example/archive-down.md"),
            ("BucketUnreachable", "critical", "pending", "javascript:alert(1)"),
            ("ArchiveReplicaDown", "critical", "firing", ""),
        )
    ),
]


@contextmanager
def alerted(browser: Browser, site: Watched, told: list[dict[str, object]]) -> Iterator[Page]:
    """The page where Prometheus and Alertmanager say these alerts."""
    with opened(browser, "about:blank") as window:
        window.route("**/api/v1/alerts?*", lambda route: route.fulfill(json={"data": {"alerts": ALERTS}}))
        window.route("**/api/v2/alerts?*", lambda route: route.fulfill(json=told))
        window.goto(site.url)
        yield window


def test_alerts_are_listed_the_worst_first_and_the_silenced_ones_as_such(browser: Browser, well: Watched) -> None:
    silenced = {
        "labels": {"alertname": "ArchiveReplicaDown", "severity": "critical", "component": "archive", "cluster": "x"},
        "status": {"state": "suppressed", "silencedBy": ["1"], "inhibitedBy": []},
    }
    with alerted(browser, well, [silenced]) as window:
        expect(window.locator("#verdict")).to_have_text("2 alerts fire")
        assert window.locator("#verdict").get_attribute("data-grade") == "critical"
        names = window.locator(".alert strong").all_inner_texts()
        assert names[:3] == ["ArchiveDown", "ArchiveReplicaDown", "StoreSlow"]
        quiet = window.locator(".alert", has=window.get_by_text("ArchiveReplicaDown", exact=True))
        assert quiet.get_attribute("data-severity") == "quiet"
        assert quiet.locator(".chip").all_inner_texts() == ["critical", "silenced"]
        assert window.get_by_text("1 pending: BucketUnreachable").count() == 1
        window.screenshot(path=SCREENSHOTS / "alerts-1920x1080-dark.png")


def test_a_flood_of_alerts_leaves_the_pictures_in_sight(browser: Browser, well: Watched) -> None:
    flood = [{**ALERTS[1], "labels": {**ALERTS[1]["labels"], "server": str(number)}} for number in range(40)]
    with opened(browser, "about:blank") as window:
        answer = {"data": {"alerts": [ALERTS[0], *flood]}}
        window.route("**/api/v1/alerts?*", lambda route: route.fulfill(json=answer))
        window.goto(well.url)
        expect(window.get_by_text("32 more: StoreSlow")).to_be_visible()
        expect(window.locator("#verdict")).to_have_text("40 alerts fire")
        assert window.locator("#view-title").bounding_box()["y"] < 1080  # type: ignore[index]  # it is there


def test_what_alerts_say_is_text_and_only_an_address_of_the_web_is_a_link(browser: Browser, well: Watched) -> None:
    with alerted(browser, well, []) as window:
        expect(window.locator(".alert .summary").first).to_have_text("ArchiveDown <b>is</b> so.")
        links = [link.get_attribute("href") for link in window.locator(".alert a").all()]
        assert links == ["https://runbooks.example/archive-down.md"]


def test_rules_that_nobody_evaluates_are_the_worst_news(browser: Browser, well: Watched) -> None:
    with opened(browser, "about:blank") as window:
        window.route("**/api/v1/alerts?*", lambda route: route.fulfill(json={"data": {"alerts": []}}))
        window.goto(well.url)
        expect(window.locator("#verdict")).to_have_text("Nobody watches: no rule is evaluated")


def test_an_alertmanager_that_is_down_hides_no_alert(browser: Browser, well: Watched) -> None:
    with opened(browser, "about:blank") as window:
        window.route("**/api/v1/alerts?*", lambda route: route.fulfill(json={"data": {"alerts": ALERTS}}))
        window.goto(well.url)
        expect(window.locator("#verdict")).to_have_text("3 alerts fire")
        expect(window.locator("#alerts")).to_contain_text("Alertmanager can't be reached")


def test_it_refreshes_by_itself(browser: Browser, well: Watched) -> None:
    with opened(browser, well.url) as window:
        expect(window.locator("#as-of")).to_contain_text("as of")
        before = window.locator("#as-of").inner_text()
        expect(window.locator("#as-of")).not_to_have_text(before, timeout=20000)


def test_answers_that_stay_away_without_an_error_are_noticed(browser: Browser, well: Watched) -> None:
    context = browser.new_context()
    window = context.new_page()
    window.clock.install()
    window.goto(well.url)
    expect(window.locator("#verdict")).to_have_text("All is well")
    window.route("**/api/**", lambda route: None)  # neither answered nor refused
    window.clock.fast_forward(90_000)
    expect(window.locator("#trouble")).to_have_text(
        re.compile(
            "Nothing new has come from Prometheus for a while|Prometheus can't be reached: no answer within 10 s"
        ),
        timeout=20000,
    )
    assert set(window.locator(".wall .value").all_inner_texts()) == {"–"}
    context.close()


def test_the_theme_is_kept(browser: Browser, well: Watched) -> None:
    with opened(browser, well.url) as window:
        button = window.locator("#theme")
        assert button.get_attribute("aria-label") == "Colours: as the system has them"
        button.click()
        button.click()
        assert window.evaluate("document.documentElement.dataset.theme") == "light"
        window.reload()
        expect(window.locator("html")).to_have_attribute("data-theme", "light")


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (0, "s", "0 s"),
        (0.00042, "s", "420 µs"),
        (0.0421, "s", "42.1 ms"),
        (95.4, "s", "95.4 s"),
        (7000, "s", "117 min"),
        (0.9996, "percentunit", "99.96 %"),
        (1, "percentunit", "100 %"),
        (1.5 * 2**40, "bytes", "1.5 TiB"),
        (1024, "binBps", "1 KiB/s"),
        (0.0222, "suffix:/s", "0.022 /s"),
        (12345.6, "suffix:/s", "12.3 k/s"),
        (4218774, "short", "4.22 M"),
        (9634, "short", "9,634"),
        (29.97, "d", "29 days"),
        (99999, "d", ">10 years"),
    ],
)
def test_numbers_are_written_as_people_read_them(
    browser: Browser, well: Watched, number: float, unit: str, text: str
) -> None:
    with opened(browser, well.url) as window:
        script = "async ([number, unit]) => (await import('./units.js')).format(number, unit)"
        assert window.evaluate(script, [number, unit]) == text


def test_the_hospital_is_stepped_the_same_whoever_looks() -> None:
    now = time.time()
    one, two = (Hospital(now - 600, (now - 300, now)) for _ in range(2))
    one.advance(now)
    for _ in range(40):
        two.advance(two.now + 15)
    assert dict(one.samples()) == pytest.approx(dict(two.samples()))


def test_what_is_not_known_yet_says_why_and_alarms_nobody(browser: Browser, tmp_path: Path) -> None:
    with watched(tmp_path, hours=0.25) as site, opened(browser, site.url) as window:
        expect(window.locator("#verdict")).to_have_text("All is well")
        assert value(window, "Days to full") == "–"
        note = window.locator(".wall .tile", has=window.get_by_text("Days to full")).locator(".note")
        expect(note).to_have_text("not known yet: the buckets have been watched for less than an hour")
