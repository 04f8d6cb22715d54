"""One campaign from its folder's first file to its report: load, verification, verdict."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from loadtests import ledger as ledgers
from loadtests import processor, reports
from loadtests.campaigns import runner
from loadtests.campaigns.conductor import Conductor
from loadtests.campaigns.generator import described
from loadtests.campaigns.interruption import Interruption
from loadtests.campaigns.plan import Plan
from loadtests.campaigns.runner import Workers, WorkersMissingError
from loadtests.environment import Environment
from loadtests.reports import folder as folders
from loadtests.reports import terminal
from loadtests.reports.commands import s3_baseline
from loadtests.reports.report import Report
from loadtests.verify import Verification, verify

EXIT_MET, EXIT_NOT_MET, EXIT_INTERRUPTED = 0, 1, 130


def session(
    plan: Plan,
    environment: Environment,
    run: str,
    folder: Path,
    workers: Workers | None,
    outputs: Path,
    *,
    calibrates: bool,
    with_pdf: bool,
    s3_credentials: Path | None,
) -> int:
    """Run the campaign; all its files go into `folder`. Returns the exit code."""
    begin(plan, environment, folder, print)
    interruption = Interruption(print)
    before = processor.seconds()
    try:
        conductor = runner.run(plan, environment, run, folder, print, interruption, workers, outputs, calibrates)
    except WorkersMissingError as error:
        print(f"no load was made: {error}")
        return EXIT_NOT_MET
    if not conductor.has_begun:
        print(f"no load was made{''.join(f': {words}' for words in conductor.failures[:1])}")
        return EXIT_INTERRUPTED if interruption.asked else EXIT_NOT_MET
    baseline = (outputs, s3_credentials) if s3_credentials else None
    used = processor.used(before, processor.seconds())
    report = conclude(conductor, environment, interruption, with_pdf=with_pdf, baseline=baseline, used=used)
    if report.interrupted:
        return EXIT_INTERRUPTED
    return EXIT_MET if report.passed and not conductor.failures else EXIT_NOT_MET


def begin(plan: Plan, environment: Environment, folder: Path, say: Callable[[str], None]) -> None:
    """Write down what will be done and to whom, and say so."""
    _write(folder / folders.PLAN, yaml.safe_dump(plan.model_dump(mode="json", exclude_unset=True), sort_keys=False))
    _write_json(folder / folders.ENVIRONMENT, environment.as_dict())
    dicom, web = environment.dicom, environment.dicom_web
    say(
        f"campaign {plan.name} against {dicom.ae_title}@{dicom.host}:{dicom.port} and {web.url}: "
        f"{', '.join(stream.name for stream in plan.streams)}; at most {plan.seconds:g} s"
    )


def conclude(
    conductor: Conductor,
    environment: Environment,
    interruption: Interruption | None = None,
    *,
    with_pdf: bool,
    baseline: tuple[Path, Path] | None = None,
    used: Mapping[str, float] | None = None,
) -> Report:
    """Look for all that is in the ledgers, and write and show the report.

    Args:
        baseline: outputs and credentials of the S3 beneath the archive, to be measured too.
        used: processor seconds of the environment's components while there was load, if they are on this machine.
    """
    folder = conductor.folder
    integrity, verified = _verified(folder, environment, interruption)
    interrupted = not verified or (interruption is not None and interruption.asked)
    if conductor.failures:
        print("\n".join(f"failed: {words}" for words in conductor.failures))
    _write_json(
        folder / folders.SESSION,
        {
            "run": conductor.run,
            "started": conductor.started.isoformat(),
            "ended": conductor.ended,
            "interrupted": interrupted,
            "users_died": conductor.users_died,
            "failures": conductor.failures,
            "streams": conductor.progress.as_dict(),
            "steps": conductor.steps.as_list() if conductor.steps else [],
            "processor_seconds": dict(used or {}),
            "generator": described(),
        },
    )
    if conductor.calibration is not None:
        _write_json(folder / folders.CALIBRATION, conductor.calibration)
    if verified:
        _write_json(folder / folders.INTEGRITY, integrity.as_dict())
    if baseline and not interrupted:
        try:
            s3_baseline(folder, *baseline)
        except (ValueError, OSError) as error:
            print(f"no S3 baseline: {error}")
    report = reports.write(folder, with_pdf=with_pdf)
    terminal.show(report)
    print(f"report   {folder / 'report.html'}\nnumbers  {folder / 'report.json'}\nfolder   {folder}")
    return report


def _verified(folder: Path, environment: Environment, interruption: Interruption | None) -> tuple[Verification, bool]:
    """What was found, and whether it was looked for to the end; a second wish to end it ends the process."""
    _, entries = ledgers.read(folder)
    print(f"verifying {len(entries)} instances of the ledger by WADO-RS")
    shown = terminal.VerifyProgress()
    ends_it = interruption if interruption and not interruption.asked else None

    def progress(done: int, total: int) -> None:
        shown(done, total)
        if ends_it:
            ends_it.raise_if_asked()

    try:
        return verify(entries, environment.dicom_web, progress), True
    except KeyboardInterrupt:
        print(f"not verified: `vnaops-campaign verify {folder} …` does it later")
        return Verification(acknowledged=len(entries), unverified=len(entries)), False


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _write_json(path: Path, content: dict[str, Any]) -> None:
    _write(path, json.dumps(content, indent=1) + "\n")
