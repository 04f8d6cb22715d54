"""The configuration read anew: a good file is used, a bad one changes nothing."""

import asyncio
import socket
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


def test_a_receiver_that_moves_is_heard_at_the_new_place_and_no_more_at_the_old(tmp_path: Path) -> None:
    path = tmp_path / "prober.yaml"
    path.write_text(FIRST + 'receiver: {listen_address: "127.0.0.1:0", ae_title: ONE}\n')
    runner = Runner(config.load(path))

    async def run() -> None:
        reloader, receiver = Reloader(path, runner), runner.receiver
        await reloader.use(runner.config)
        first = receiver.port
        path.write_text(FIRST + 'receiver: {listen_address: "127.0.0.1:0", ae_title: TWO}\n')
        await reloader.reload()
        assert (receiver.port, receiver.ae_title) == (first, "TWO")
        path.write_text(FIRST + 'receiver: {listen_address: "localhost:0", ae_title: TWO}\n')
        await reloader.reload()
        assert receiver.port != first
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", first)
        path.write_text(FIRST)
        await reloader.reload()
        assert not receiver.listens

    asyncio.run(run())


def test_a_receiver_that_cannot_listen_keeps_the_old_configuration(tmp_path: Path) -> None:
    path = tmp_path / "prober.yaml"
    path.write_text(FIRST + 'receiver: {listen_address: "127.0.0.1:0"}\n')
    runner = Runner(config.load(path))

    async def run() -> None:
        reloader, receiver = Reloader(path, runner), runner.receiver
        await reloader.use(runner.config)
        before = receiver.port
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            path.write_text(SECOND + f'receiver: {{listen_address: "{address}"}}\n')
            with pytest.raises(ConfigError) as raised:
                await reloader.reload()
        assert str(raised.value) == (
            f"{path}: receiver.listen_address: {address} can't be listened on: Address already in use"
        )
        assert receiver.port == before
        assert value(runner, "successful") == 0
        receiver.close()

    asyncio.run(run())
    assert set(runner.config.modules) == {"echo"}
