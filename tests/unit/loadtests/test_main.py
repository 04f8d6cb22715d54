"""The command line, as far as it goes without a peer."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.main import main


def campaign(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """In a process of its own: a campaign patches the standard library."""
    return subprocess.run(
        [sys.executable, "-m", "loadtests.main", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def outputs(folder: Path, port: int = 1) -> Path:
    file = folder / "outputs.json"
    dicom = {"host": "127.0.0.1", "port": port, "aeTitle": "VNAOPS"}
    file.write_text(json.dumps({"dicom": dicom, "dicomWeb": {"url": "http://127.0.0.1:1/dicom-web"}}))
    return file


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "--outputs is missing"),
        (["--outputs", "nowhere.json"], "nowhere.json: No such file or directory: is the environment up?"),
        (["--outputs", "OUTPUTS", "--campaign", "frist"], "there is no campaign 'frist'"),
        (["--outputs", "OUTPUTS", "--studies", "0"], "--studies 0: at least one study"),
        (["--outputs", "OUTPUTS", "--limit", "0"], "--limit 0: more than 0 seconds"),
        (["--outputs", "OUTPUTS", "--factor", "0"], "--factor 0: more than 0"),
        (
            ["--outputs", "OUTPUTS", "--campaign", "ramp", "--studies", "3"],
            "campaign ramp has no stream with",
        ),
        (
            ["--outputs", "OUTPUTS", "--campaign", "knee", "--seconds", "9"],
            "campaign knee with --factor or --seconds",
        ),
        (["--outputs", "OUTPUTS", "--processes", "0"], "--processes 0: a number from 1 to 256, or auto"),
        (
            ["--outputs", "OUTPUTS", "--processes", "2", "--master", ":5557"],
            "--processes cannot be given",
        ),
        (["--outputs", "OUTPUTS", "--master", "here"], "--master here --workers 1: [HOST]:PORT"),
        (["--outputs", "OUTPUTS", "--worker", "here"], "--worker: 'here' is neither HOST:PORT nor a URL"),
        (["--outputs", "OUTPUTS", "--run", "a/b"], "--run 'a/b': at most 64 letters"),
        (["--outputs", "OUTPUTS", "--also-load", "x"], "--also-load: 'x' is neither HOST:PORT nor a URL"),
        (["--outputs", "OUTPUTS"], "127.0.0.1:1 isn't among the stack's targets (there are none)"),
        (
            ["--outputs", "OUTPUTS", "--also-load", "127.0.0.1:1"],
            "127.0.0.1:1 can't be reached (Connection refused): is the environment up?",
        ),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2_and_leaves_nothing(
    tmp_path: Path, arguments: list[str], said: str
) -> None:
    file = outputs(tmp_path)
    given = [str(file) if argument == "OUTPUTS" else argument for argument in arguments]

    ended = campaign("--report-dir", str(tmp_path / "reports"), *given)

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"vnaops-campaign: {said}")
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "reports").exists()


def test_the_last_reports_paths_are_printed_one_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("20260101T000000Z-first", "20260102T000000Z-first", "20260103T000000Z-died"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").touch()
        if not name.endswith("died"):
            (tmp_path / name / "report.html").touch()

    assert main(["--print-paths", "--report-dir", str(tmp_path)]) == 0

    last = tmp_path / "20260102T000000Z-first"
    assert capsys.readouterr().out.splitlines() == [f"{last}/report.json", f"{last}/report.html"]


def test_without_a_report_there_are_no_paths_to_print(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print-paths", "--report-dir", str(tmp_path)]) == 2

    assert "has no report yet: run a campaign" in capsys.readouterr().err


def test_verifying_what_is_no_ledger_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ledger.jsonl").touch()

    ended = main(["verify", "--outputs", str(outputs(tmp_path)), "--ledger", str(tmp_path / "ledger.jsonl")])

    assert ended == 2
    assert "no ledger" in capsys.readouterr().err


def test_importing_the_command_does_not_patch_the_standard_library() -> None:
    code = "import loadtests.main, sys; sys.exit('gevent' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ)).returncode == 0
