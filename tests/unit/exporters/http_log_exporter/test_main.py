"""The console script in a process of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.exporters.http_log_exporter.lines import line

SCRIPT = str(Path(sys.executable).with_name("http-log-exporter"))


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def started() -> Iterator[tuple["subprocess.Popen[str]", tuple[str, int], str]]:
    options = ["--log.listen-address=127.0.0.1:0", "--web.listen-address=127.0.0.1:0", "--operations=wado-rs-frames"]
    with subprocess.Popen([SCRIPT, *options], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        said = json.loads(process.stderr.readline())
        try:
            yield process, tuple(said["log"]), f"http://127.0.0.1:{said['web'][0][1]}"
        finally:
            process.kill()


def page(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  (http by construction)
        return str(answer.read().decode())


def test_lines_that_came_before_a_scrape_are_in_it(
    started: tuple["subprocess.Popen[str]", tuple[str, int], str],
) -> None:
    _, log, web = started
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(50):
            sender.sendto(line(), log)
        sender.sendto(os.urandom(64), log)
    text = page(f"{web}/metrics")
    assert 'http_log_exporter_lines_total{result="transaction"} 50.0' in text
    assert 'http_log_exporter_lines_total{result="malformed"} 1.0' in text
    assert "http_log_exporter_dropped_lines_total 0.0" in text
    assert page(f"{web}/-/healthy") == "Healthy\n"


def test_sigterm_ends_it_with_0(started: tuple["subprocess.Popen[str]", tuple[str, int], str]) -> None:
    process, _, _ = started
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_an_address_in_use_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = run("--log.listen-address=127.0.0.1:0", f"--web.listen-address=127.0.0.1:{port}")
    assert (ran.returncode, ran.stderr) == (1, "http-log-exporter can't listen: Address already in use\n")


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("--log.listen-address=9514", "'9514' is not [HOST]:PORT"),
        ("--web.listen-address=:99999", "':99999' is not [HOST]:PORT"),
        ("--operations=wado,a b", "'a b' is no name: letters, digits, `_`, `.` and `-`, 64 at most"),
    ],
)
def test_a_bad_option_is_said_and_exit_code_2(argument: str, said: str) -> None:
    ran = run(argument)
    assert ran.returncode == 2
    assert said in ran.stderr


def test_the_help_says_every_default() -> None:
    said = " ".join(run("--help").stdout.split())
    assert "(default: 127.0.0.1:9514)" in said
    assert "(default: :9883)" in said
