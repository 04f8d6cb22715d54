"""One campaign from its ledger's first line to its report: load, verification, verdict."""

import json
import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from loadtests import ledger as ledgers
from loadtests.campaigns import runner
from loadtests.campaigns.interruption import Interruption
from loadtests.campaigns.plan import Plan
from loadtests.campaigns.work import Campaign, Work
from loadtests.environment import Environment
from loadtests.ledger import Ledger
from loadtests.profiles.study import Study
from loadtests.reports import html, terminal
from loadtests.reports.report import Report
from loadtests.transactions import Recorder
from loadtests.verify import Verification, verify

EXIT_MET, EXIT_NOT_MET, EXIT_INTERRUPTED = 0, 1, 130


def session(plan: Plan, environment: Environment, run: str, waiting: list[Study], folder: Path) -> int:
    """Run the campaign; `ledger.jsonl`, `report.json` and `report.html` go into `folder`. Returns the exit code."""
    campaign = begin(plan, environment, run, waiting, folder)
    interruption = Interruption(print)
    died = runner.run(campaign, print, interruption)
    report = conclude(campaign, died, interruption)
    if report.interrupted:
        return EXIT_INTERRUPTED
    return EXIT_MET if report.passed else EXIT_NOT_MET


def begin(plan: Plan, environment: Environment, run: str, waiting: list[Study], folder: Path) -> Campaign:
    """Open the ledger in `folder`, and say what will be done."""
    started = datetime.now(UTC)
    header = {"campaign": plan.name, "run": run, "seed": plan.seed, "started": started.isoformat(timespec="seconds")}
    ledger = Ledger(folder / "ledger.jsonl", {**header, "namespace": environment.namespace}, runner.in_a_thread)
    work = Work(waiting, tuple(name for name in ("c_get", "wado_rs") if getattr(plan.users, name)))
    dicom, web = environment.dicom, environment.dicom_web
    print(
        f"campaign {plan.name} against {dicom.ae_title}@{dicom.host}:{dicom.port} and {web.url}: {work.total} studies, "
        f"{sum(study.instance_count for study in waiting)} instances, at most {plan.limit_seconds:g} s"
    )
    return Campaign(plan, run, environment, work, ledger, Recorder(), started)


def conclude(campaign: Campaign, died: int, interruption: Interruption | None = None) -> Report:
    """Close the ledger, look for all that is in it, and write and show the report."""
    campaign.ledger.close()
    ledger_file = campaign.ledger.path
    integrity, verified = _verified(ledger_file, campaign.environment, interruption)
    report = Report(
        plan=campaign.plan,
        environment=campaign.environment,
        run=campaign.run,
        started=campaign.started,
        transactions=tuple(campaign.recorder.transactions),
        integrity=integrity,
        interrupted=not verified or (interruption is not None and interruption.asked),
        users_died=died,
        generator=_generator(),
    )
    json_file, html_file = ledger_file.with_name("report.json"), ledger_file.with_name("report.html")
    json_file.write_text(json.dumps(report.as_dict(), indent=1) + "\n")
    html_file.write_text(html.render(report))
    terminal.show(report)
    print(f"report   {html_file}\nnumbers  {json_file}\nledger   {ledger_file}")
    return report


def _verified(path: Path, environment: Environment, interruption: Interruption | None) -> tuple[Verification, bool]:
    """What was found, and whether it was looked for to the end; a second wish to end it ends the process."""
    _, entries = ledgers.read(path)
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
        print(f"not verified: `vnaops-campaign verify --ledger {path} …` does it later")
        return Verification(acknowledged=len(entries), unverified=len(entries)), False


def _generator() -> dict[str, str]:
    """What has made the load."""
    return {
        "vnaops": version("vnaops"),
        "locust": version("locust"),
        "pydicom": version("pydicom"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "processors": str(len(os.sched_getaffinity(0))),
    }
