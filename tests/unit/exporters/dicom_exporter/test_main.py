"""The console script in a process of its own."""

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

SCRIPT = str(Path(sys.executable).with_name("dicom-exporter"))
DATA = Path(__file__).with_name("testdata")


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=60, check=False)


def test_a_correct_configuration_is_checked_and_nothing_is_started() -> None:
    ran = run("--config.file", str(DATA / "correct.yaml"), "--config.check")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == f"{DATA / 'correct.yaml'}: 2 modules, 4 targets: correct\n"


@pytest.mark.parametrize("check", [[], ["--config.check"]])
def test_a_bad_configuration_is_one_line_and_exit_code_1(check: list[str]) -> None:
    ran = run("--config.file", str(DATA / "zero_timeout.yaml"), *check)

    assert (ran.returncode, ran.stdout) == (1, "")
    line = "zero_timeout.yaml:6: modules.echo.timeout_seconds: Input should be greater than 0\n"
    assert ran.stderr.endswith(line)
    assert ran.stderr.count("\n") == 1


def test_an_address_in_use_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("--config.file", str(DATA / "correct.yaml"), "--web.listen-address", f"127.0.0.1:{port}")

    assert ran.returncode == 1
    assert ran.stderr == f"--web.listen-address 127.0.0.1:{port} can't be listened on: Address already in use\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--web.listen-address", "9880"], "'9880' is not [HOST]:PORT"),
        (["--timeout-offset", "-1"], "'-1' is not a number of seconds from 0 to 60"),
        (["--timeout-offset", "soon"], "'soon' is not a number of seconds from 0 to 60"),
    ],
)
def test_a_bad_option_is_said_and_exit_code_2(arguments: list[str], said: str) -> None:
    ran = run("--config.file", str(DATA / "correct.yaml"), *arguments)

    assert ran.returncode == 2
    assert said in ran.stderr


@pytest.mark.parametrize(("number", "host"), [(signal.SIGTERM, "127.0.0.1"), (signal.SIGINT, "[::1]")])
def test_it_serves_until_it_is_asked_to_stop(number: signal.Signals, host: str) -> None:
    command = [SCRIPT, "--config.file", str(DATA / "correct.yaml"), "--web.listen-address", f"{host}:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            listening = json.loads(process.stderr.readline())
            (address,) = listening["addresses"]
            assert listening["event"] == "listening"
            assert address.startswith(f"{host}:")
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
                assert b"_created" not in answer.read()
            process.send_signal(number)
            assert process.wait(30) == 0
            assert json.loads(process.stderr.read())["event"] == "stopping"
        finally:
            process.kill()


def test_sighup_reads_the_configuration_anew(tmp_path: Path) -> None:
    path = tmp_path / "prober.yaml"
    path.write_text((DATA / "correct.yaml").read_text())
    command = [SCRIPT, "--config.file", str(path), "--web.listen-address", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert json.loads(process.stderr.readline())["event"] == "listening"
            path.write_text("targets: []\n")
            process.send_signal(signal.SIGHUP)
            refused = json.loads(process.stderr.readline())
            assert refused["event"] == "configuration refused"
            assert refused["reason"].splitlines()[0] == f"{path}:1: targets: there has to be one at least"
            path.write_text((DATA / "correct.yaml").read_text())
            process.send_signal(signal.SIGHUP)
            assert json.loads(process.stderr.readline())["event"] == "configuration in force"
        finally:
            process.kill()
