"""The PDF that a tester signs, printed by a real Chromium; and what is said where there is none."""

import re
import zlib
from pathlib import Path

import pytest

from loadtests import reports
from loadtests.reports import pdf
from tests.unit.loadtests.reports.folders import campaign


def pages(file: Path) -> int:
    """Pages of a PDF: page objects lie bare, or in compressed object streams."""
    data = file.read_bytes()
    found = [data]
    for start in re.finditer(rb"stream\r?\n", data):
        try:
            found.append(zlib.decompressobj().decompress(data[start.end() :]))
        except zlib.error:
            continue
    return max(len(re.findall(rb"/Type\s*/Page\b", one)) for one in found)


def test_a_campaigns_report_is_printed_on_some_pages(tmp_path: Path) -> None:
    said: list[str] = []

    reports.write(campaign(tmp_path / "campaign"), said.append)

    file = tmp_path / "campaign" / "report.pdf"
    assert file.read_bytes().startswith(b"%PDF-")
    assert 3 <= pages(file) <= 15
    assert [words for words in said if "PDF" in words] == []


def test_without_a_browser_it_is_said_and_the_rest_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    said: list[str] = []

    report = reports.write(campaign(tmp_path / "campaign"), said.append)

    assert report.passed
    assert "no PDF: none of chromium, chromium-browser, google-chrome is on PATH" in said[-1]
    assert (tmp_path / "campaign" / "report.html").exists()
    assert not (tmp_path / "campaign" / "report.pdf").exists()


def test_a_browser_that_fails_is_quoted_and_leaves_no_old_pdf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = tmp_path / "chromium"
    browser.write_text("#!/bin/sh\necho 'cannot open display' >&2\nexit 3\n")
    browser.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    page, file = tmp_path / "page.html", tmp_path / "page.pdf"
    page.touch()
    file.write_text("of the last time")

    assert pdf.print_page(page, file) == f"no PDF: {browser} ended with 3: cannot open display"
    assert not file.exists()
