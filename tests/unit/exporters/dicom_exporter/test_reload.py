"""The configuration read anew: a good file is used, a bad one changes nothing."""

import asyncio
import time
from pathlib import Path

import pytest

from exporters.dicom_exporter import config
from exporters.dicom_exporter.config import ConfigError
from exporters.dicom_exporter.reload import Reloader
from exporters.dicom_exporter.runner import Runner

FIRST = 'targets: ["*"]\nmodules: {echo: {prober: echo, called_ae_title: A}}\n'
SECOND = 'targets: ["*"]\nmodules:\n  other: {prober: store, called_ae_title: B}\n'
BAD = 'targets: ["*"]\nmodules:\n  other: {prober: echo}\n'


def value(runner: Runner, name: str) -> float | None:
    return runner.registry.get_sample_value(f"dicom_exporter_config_last_reload_{name}")


def test_a_good_file_is_used_and_its_modules_are_counted_from_nought(tmp_path: Path) -> None:
    path = tmp_path / "prober.yaml"
    path.write_text(FIRST)
    runner = Runner(config.load(path))

    async def run() -> None:
        reloader = Reloader(path, runner)
        await reloader.use(runner.config)
        path.write_text(SECOND)
        await reloader.reload()

    asyncio.run(run())
    assert set(runner.config.modules) == {"other"}
    labels = {"module": "other", "result": "accepted"}
    assert runner.registry.get_sample_value("dicom_exporter_probes_total", labels) == 0
    assert value(runner, "successful") == 1
    assert value(runner, "success_timestamp_seconds") == pytest.approx(time.time(), abs=60)


@pytest.mark.parametrize(
    ("text", "line"), [(BAD, ":3: modules.other.called_ae_title: Field required"), (None, ": can't be read: No such")]
)
def test_a_bad_file_keeps_the_old_configuration_and_says_why(tmp_path: Path, text: str | None, line: str) -> None:
    path = tmp_path / "prober.yaml"
    path.write_text(FIRST)
    runner = Runner(config.load(path))
    old = runner.config

    async def run() -> None:
        reloader = Reloader(path, runner)
        await reloader.use(runner.config)
        path.unlink()
        if text is not None:
            path.write_text(text)
        with pytest.raises(ConfigError, match=f"^{path}{line}"):
            await reloader.reload()
        assert value(runner, "successful") == 0
        path.write_text(FIRST)
        await reloader.reload()
        assert value(runner, "successful") == 1

    asyncio.run(run())
    assert runner.config == old
