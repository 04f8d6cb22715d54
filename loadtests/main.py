"""`vnaops-campaign`: run a campaign against an environment, verify a ledger, find the last report."""

import argparse
import shutil
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

# Only what needs no socket may be imported here: gevent patches the standard library first, and only for a campaign.

EXIT_MET, EXIT_NOT_MET, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130
DEFAULT_REPORTS = Path("build/campaigns")
SPARE_BYTES = 1 << 30


class BadInput(ValueError):  # noqa: N818  (what the user is told, not what went wrong in here)
    """One line that says what, where, why and what to do."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vnaops-campaign",
        description="Store and retrieve synthesised studies, compare every byte, and report.",
        epilog="Exit codes: 0 thresholds met and nothing lost, 1 not, 2 bad input, 130 interrupted. "
        "`vnaops-campaign verify --help`: look again for everything that a ledger says was acknowledged.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    where = parser.add_argument_group("where")
    where.add_argument("--outputs", type=Path, help="JSON file of the environment's outputs (`pulumi stack output`)")
    where.add_argument("--report-dir", type=Path, default=DEFAULT_REPORTS, help="folder of the reports' folders")
    what = parser.add_argument_group("what")
    what.add_argument("--campaign", default="first", help="name of a campaign, or path of its .yaml file")
    what.add_argument("--studies", type=int, metavar="N", help="so many studies instead of the file's")
    what.add_argument("--limit", type=float, metavar="SECONDS", help="this limit of time instead of the file's")
    what.add_argument("--run", help="name of the run, the source of all UIDs; given again it makes the same ones")
    parser.add_argument("--print-paths", action="store_true", help="print the last report's JSON and HTML path")
    return parser


def _verify_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="vnaops-campaign verify",
        description="Retrieve everything that a ledger says was acknowledged, and compare it.",
    )
    parser.add_argument("--outputs", type=Path, required=True, help="JSON file of the environment's outputs")
    parser.add_argument("--ledger", type=Path, required=True, help="ledger.jsonl of a campaign")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The console script. Returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # progress is to be seen in a pipe too
    try:
        if arguments[:1] == ["verify"]:
            return _verify(_verify_parser().parse_args(arguments[1:]))
        options = _parser().parse_args(arguments)
        if options.print_paths:
            return _print_paths(options.report_dir)
        return _run(options)
    except ValueError as error:  # BadInput, PlanError, OutputsError
        print(f"vnaops-campaign: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("vnaops-campaign: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _print_paths(report_dir: Path) -> int:
    reports = sorted(path for path in report_dir.glob("*/report.json") if path.with_suffix(".html").exists())
    if not reports:
        raise BadInput(f"{report_dir} has no report yet: run a campaign (`make campaign`)")
    print(reports[-1].resolve())
    print(reports[-1].with_suffix(".html").resolve())
    return EXIT_MET


def _verify(options: argparse.Namespace) -> int:
    import json

    from loadtests import environment, ledger
    from loadtests.reports import terminal
    from loadtests.verify import verify

    target = environment.load(options.outputs)
    try:
        _, entries = ledger.read(options.ledger)
    except ledger.LedgerError as error:
        raise BadInput(str(error)) from None
    result = verify(
        entries, target.dicom_web, (lambda _done, _total: None) if options.json else terminal.VerifyProgress()
    )
    print(json.dumps(result.as_dict(), indent=1)) if options.json else terminal.show_integrity(result)
    return EXIT_MET if result.passed else EXIT_NOT_MET


def _run(options: argparse.Namespace) -> int:
    from gevent import monkey

    monkey.patch_all()

    from loadtests import environment
    from loadtests.campaigns import plan as plans
    from loadtests.campaigns.work import studies
    from loadtests.profiles.study import new_run

    if options.outputs is None:
        raise BadInput("--outputs is missing: the JSON file of the environment's outputs")
    if options.studies is not None and options.studies < 1:
        raise BadInput(f"--studies {options.studies}: at least one study")
    if options.limit is not None and options.limit <= 0:
        raise BadInput(f"--limit {options.limit:g}: more than 0 seconds")
    plan = plans.load(options.campaign)
    if options.studies:
        plan = plan.with_studies(options.studies)
    if options.limit:
        plan = plan.model_copy(update={"limit_seconds": options.limit})
    target = environment.load(options.outputs)
    run = options.run or new_run()
    print(f"making {sum(kind.count for kind in plan.studies)} studies from pydicom's templates")
    waiting = studies(plan, run)
    size = sum(study.bytes_estimate() for study in waiting)
    _reachable(target.dicom.host, target.dicom.port)
    _room(options, target.dicom.host, size)
    folder = report_folder(options.report_dir, plan.name)

    from loadtests.campaigns.session import session

    return session(plan, target, run, waiting, folder)


def report_folder(report_dir: Path, name: str) -> Path:
    """A new folder for the report of a campaign that begins now. Raises BadInput where it can't be made."""
    folder = report_dir / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{name}"
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise BadInput(f"{folder} can't be made: {error.strerror}") from None
    return folder


def _reachable(host: str, port: int) -> None:
    try:
        socket.create_connection((host, port), 5).close()
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise BadInput(f"{host}:{port} can't be reached ({why}): is the environment up? (`make up`)") from None


def _room(options: argparse.Namespace, host: str, size: int) -> None:
    """Refuse what would fill this machine's disk, if the environment is on this machine; a ledger needs little."""
    needed = SPARE_BYTES
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))  # sends nothing: asks which address it would go out from
            if probe.getsockname()[0] == socket.gethostbyname(host):
                needed += 2 * size  # the store's copy, and the database's and the logs' part
        except OSError:
            pass  # another machine's disk
    place = options.outputs.resolve().parent
    free = shutil.disk_usage(place).free
    if free < needed:
        raise BadInput(
            f"{place} has {free / 1e9:.1f} GB free, the campaign's {size / 1e9:.1f} GB need {needed / 1e9:.1f}: "
            "make room, or store fewer (--studies)"
        )


if __name__ == "__main__":
    sys.exit(main())
