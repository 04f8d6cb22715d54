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
    started = datetime.now(UTC)
    header = {"campaign": plan.name, "run": run, "seed": plan.seed, "started": started.isoformat(timespec="seconds")}
    ledger = Ledger(folder / "ledger.jsonl", {**header, "namespace": environment.namespace}, runner.in_a_thread)
    readers = tuple(name for name in ("c_get", "wado_rs") if getattr(plan.users, name))
    work = Work(waiting, readers)
    recorder = Recorder()
    dicom, web = environment.dicom, environment.dicom_web
    interruption = Interruption(print)
    print(
        f"campaign {plan.name} against {dicom.ae_title}@{dicom.host}:{dicom.port} and {web.url}: {work.total} studies, "
        f"{sum(study.instance_count for study in waiting)} instances, at most {plan.limit_seconds:g} s"
    )
    try:
        died = runner.run(Campaign(plan, run, environment, work, ledger, recorder), print, interruption)
    finally:
        ledger.close()
    integrity, verified = _verified(ledger.path, environment, interruption)
    report = Report(
        plan=plan,
        environment=environment,
        run=run,
        started=started,
        transactions=tuple(recorder.transactions),
        integrity=integrity,
        interrupted=interruption.asked or not verified,
        users_died=died,
        generator=_generator(),
    )
    (folder / "report.json").write_text(json.dumps(report.as_dict(), indent=1) + "\n")
    (folder / "report.html").write_text(html.render(report))
    terminal.show(report)
    print(f"report   {folder / 'report.html'}\nnumbers  {folder / 'report.json'}\nledger   {ledger.path}")
    if report.interrupted:
        return EXIT_INTERRUPTED
    return EXIT_MET if report.passed else EXIT_NOT_MET


def _verified(path: Path, environment: Environment, interruption: Interruption) -> tuple[Verification, bool]:
    """What was found, and whether it was looked for to the end; a second wish to end it ends the process."""
    _, entries = ledgers.read(path)
    print(f"verifying {len(entries)} instances of the ledger by WADO-RS")
    before, shown = interruption.asked, terminal.VerifyProgress()

    def progress(done: int, total: int) -> None:
        shown(done, total)
        if not before:
            interruption.raise_if_asked()

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
