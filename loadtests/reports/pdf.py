"""The page as a PDF to be signed, printed by Chromium."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_SECONDS = 90.0  # 5 s alone; the machine may be shared


def print_page(page: Path, pdf: Path) -> str:
    """Print it. Returns an empty string, or in words why there is no PDF; never raises because of the browser."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        return f"no PDF: none of {', '.join(BROWSERS)} is on PATH (Debian: apt-get install chromium)"
    pdf.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="chromium-") as home:
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            f"--user-data-dir={home}/profile",
            "--no-pdf-header-footer",
            "--window-size=1280,1600",
            "--virtual-time-budget=10000",
            f"--print-to-pdf={pdf.resolve()}",
            f"{page.resolve().as_uri()}#paper",
        ]
        if os.geteuid() == 0:
            command.insert(1, "--no-sandbox")  # Chromium refuses root with it; the page is our own, without a network
        try:
            ended = subprocess.run(
                command, capture_output=True, timeout=TIMEOUT_SECONDS, check=False, env={**os.environ, "HOME": home}
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"no PDF: {browser}: {error}"
    if ended.returncode or not pdf.exists():
        said = ended.stderr.decode(errors="replace").strip().splitlines()
        return f"no PDF: {browser} ended with {ended.returncode}: {said[-1] if said else 'it said nothing'}"
    return ""
