"""The exporter over HTTP: what is asked, what is refused, which deadline holds."""

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from exporters.dicom_exporter.config import Config, ConfigError, Limits
from exporters.dicom_exporter.handler import TIMEOUT_HEADER, application, seconds_allowed
from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.prober import PROBERS, Prober
from exporters.dicom_exporter.runner import Runner

CONFIG = Config.model_validate(
    {
        "targets": ["127.0.0.1:*", "[::1]:104"],
        "modules": {
            "echo": {"prober": "echo", "called_ae_title": "ARCHIVE", "timeout_seconds": 3},
            "store": {"prober": "store", "called_ae_title": "ARCHIVE"},
        },
    }
)
REFUSED = "/probe?target=127.0.0.1:1&module=echo"  # nobody listens there


def over_http(use: Callable[[TestClient], Awaitable[None]], offset: float = 0.5) -> None:  # type: ignore[type-arg]
    async def run() -> None:
        async with TestClient(TestServer(application(Runner(CONFIG), offset))) as client:
            await use(client)

    asyncio.run(run())


def test_a_failed_probe_is_an_answer_and_no_error() -> None:
    async def use(client: TestClient) -> None:  # type: ignore[type-arg]
        answer = await client.get(REFUSED)
        text = await answer.text()
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert all(name.startswith("dicom_probe_") for name in families)
        (success,) = families["dicom_probe_success"].samples
        assert success.value == 0
        results = {sample.labels["result"]: sample.value for sample in families["dicom_probe_result"].samples}
        assert results == {outcome.value: float(outcome is Outcome.REFUSED) for outcome in Outcome}
        phases = [sample.labels["phase"] for sample in families["dicom_probe_phase_duration_seconds"].samples]
        assert phases == ["resolve", "connect", "associate", "request", "release"]
        rejections = families["dicom_probe_rejection"].samples
        assert len(rejections) == 9
        assert not any(sample.value for sample in rejections)
        assert "dicom_probe_status" not in families  # there was none: 0 would be a success

    over_http(use)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("module=echo", "the parameter target has to be given once"),
        ("target=127.0.0.1:104", "the parameter module has to be given once"),
        ("target=127.0.0.1:104&target=127.0.0.1:105&module=echo", "the parameter target has to be given once"),
        ("target=127.0.0.1:104&module=find", "module 'find' is unknown; there are: echo, store"),
        ("target=127.0.0.1&module=echo", "target '127.0.0.1' is not HOST:PORT"),
        ("target=127.0.0.1:x&module=echo", "target '127.0.0.1:x' has no port within 1 to 65535"),
        ("target=10.0.0.1:104&module=echo", "target '10.0.0.1:104' is not on the list of targets in the configuration"),
        ("target=[::2]:104&module=echo", "target '[::2]:104' is not on the list of targets in the configuration"),
    ],
)
def test_a_request_that_cannot_be_is_a_400_with_words(query: str, said: str) -> None:
    async def use(client: TestClient) -> None:  # type: ignore[type-arg]
        answer = await client.get(f"/probe?{query}")
        assert (answer.status, await answer.text()) == (400, said + "\n")

    over_http(use)


@pytest.mark.parametrize("header", ["soon", "-1", "0", "nan", "inf"])
def test_a_scrape_timeout_that_is_none_is_a_400(header: str) -> None:
    async def use(client: TestClient) -> None:  # type: ignore[type-arg]
        answer = await client.get(REFUSED, headers={TIMEOUT_HEADER: header})
        assert answer.status == 400
        assert await answer.text() == f"{TIMEOUT_HEADER} has to be a positive number of seconds\n"

    over_http(use)


@pytest.mark.parametrize(
    ("header", "seconds"), [("10", 9.5), ("0.6", 0.1), ("0.5", 0.5), ("0.25", 0.25), (None, math.inf)]
)
def test_the_deadline_is_the_scrapes_less_the_offset(header: str | None, seconds: float) -> None:
    assert seconds_allowed(header, 0.5) == pytest.approx(seconds)


def test_the_earlier_of_scrape_and_module_ends_the_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forever(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setitem(PROBERS, "echo", Prober(forever, ("request",)))

    async def use(client: TestClient) -> None:  # type: ignore[type-arg]
        answer = await client.get(REFUSED + "&debug=true", headers={TIMEOUT_HEADER: "0.6"})
        text = await answer.text()
        assert "probe begins deadline_seconds=0.1" in text
        assert 'dicom_probe_result{result="timed-out"} 1.0' in text
        answer = await client.get(REFUSED + "&debug=true", headers={TIMEOUT_HEADER: "60"})
        assert "probe begins deadline_seconds=3.0" in await answer.text()

    over_http(use)


def test_debug_shows_log_metrics_and_module() -> None:
    async def use(client: TestClient) -> None:  # type: ignore[type-arg]
        text = await (await client.get(REFUSED + "&debug=true")).text()
        assert "probe failed result=refused" in text
        assert "dicom_probe_success 0.0" in text
        assert '"called_ae_title": "ARCHIVE"' in text

    over_http(use)


def test_the_exporters_own_metrics_count_probes_by_module_and_result() -> None:
    async def use(client: TestClient) -> None:  # type: ignore[type-arg]
        await client.get(REFUSED)
        text = await (await client.get("/metrics")).text()
        lines = text.splitlines()
        assert 'dicom_exporter_probes_total{module="echo",result="refused"} 1.0' in lines
        assert 'dicom_exporter_probes_total{module="store",result="refused"} 0.0' in lines
        assert "dicom_exporter_probes_in_flight 0.0" in lines
        assert any(line.startswith("process_resident_memory_bytes ") for line in lines)
        assert "127.0.0.1:1" not in text

    over_http(use)


def test_more_probes_than_the_limit_is_a_503_with_words(monkeypatch: pytest.MonkeyPatch) -> None:
    async def forever(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setitem(PROBERS, "echo", Prober(forever, ("request",)))
    config = CONFIG.model_copy(update={"limits": Limits(concurrent_probes=1)})

    async def run() -> None:
        async with TestClient(TestServer(application(Runner(config), 0.5))) as client:
            answers = await asyncio.gather(
                *(client.get(f"/probe?target=127.0.0.1:{port}&module=echo") for port in (1, 2))
            )
            assert [answer.status for answer in answers] == [200, 503]
            said = "1 probes run already, which is limits.concurrent_probes of the configuration\n"
            assert await answers[1].text() == said

    asyncio.run(run())


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_reload_is_asked_for_by_post_or_put(method: str) -> None:
    asked = []

    async def reload() -> None:
        asked.append(method)
        if len(asked) > 1:
            raise ConfigError("prober.yaml:3: modules: is wrong")

    async def run() -> None:
        async with TestClient(TestServer(application(Runner(CONFIG), 0.5, reload))) as client:
            assert (await client.request(method, "/-/reload")).status == 200
            answer = await client.request(method, "/-/reload")
            assert (answer.status, await answer.text()) == (500, "prober.yaml:3: modules: is wrong\n")
            assert (await client.get("/-/reload")).status == 405

    asyncio.run(run())


def test_it_says_that_it_is_healthy() -> None:
    async def use(client: TestClient) -> None:  # type: ignore[type-arg]
        assert (await client.get("/-/healthy")).status == 200

    over_http(use)
