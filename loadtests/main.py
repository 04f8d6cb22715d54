"""`vnaops-campaign`: run campaigns against an environment, verify what they stored, report, compare."""

import argparse
import sys
from pathlib import Path

# Only what needs no socket may be imported here: gevent patches the standard library first, and only for a campaign.

EXIT_MET, EXIT_NOT_MET, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 1, 2, 130
DEFAULT_REPORTS = Path("build/campaigns")
COMMANDS = {
    "run": "run a campaign (this is the default: options without a command are its)",
    "verify": "retrieve again all that a campaign has stored, and compare it",
    "report": "make the report of a campaign's folder again",
    "compare": "say by statistics whether two campaigns differ",
    "merge": "make one folder of several campaigns' raw data",
    "schema": "print the JSON schema of campaign files",
}


class BadInput(ValueError):  # noqa: N818  (what the user is told, not what went wrong in here)
    """One line that says what, where, why and what to do."""


class _Help(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """The epilog as it is written, and defaults."""


def _overview() -> str:
    lines = "\n".join(f"  {name:<9} {words}" for name, words in COMMANDS.items())
    return (
        f"commands (`vnaops-campaign COMMAND --help` says more):\n{lines}\n\n"
        "a first campaign, its clock compressed, on all processors, and what came of it:\n"
        "  vnaops-campaign --outputs outputs.json --campaign hospital-day --seconds 600 --processes auto\n"
        "  vnaops-campaign --print-paths\n\n"
        "exit codes: 0 thresholds met and nothing lost, 1 not, 2 bad input, 130 interrupted"
    )


def run_parser() -> argparse.ArgumentParser:
    """The options of `run`."""
    parser = argparse.ArgumentParser(
        prog="vnaops-campaign",
        description="Store and retrieve synthesised studies as a campaign's file says, compare every byte, and report.",
        epilog=_overview(),
        formatter_class=_Help,
    )
    where = parser.add_argument_group("where")
    where.add_argument("--outputs", type=Path, help="JSON file of the environment's outputs (`pulumi stack output`)")
    where.add_argument(
        "--also-load", action="append", default=[], metavar="HOST:PORT", help="a target that the stack doesn't list"
    )
    where.add_argument("--report-dir", type=Path, default=DEFAULT_REPORTS, help="folder of the campaigns' folders")
    where.add_argument("--folder", type=Path, help="the campaign's own folder, new; instead of one in --report-dir")
    what = parser.add_argument_group("what")
    what.add_argument("--campaign", default="first", help="name of a campaign, or path of its .yaml file")
    what.add_argument(
        "--factor", type=float, metavar="F", help="multiply rates, users and paces, instead of the file's"
    )
    what.add_argument("--seconds", type=float, metavar="S", help="the shape in this time instead of the file's")
    what.add_argument("--limit", type=float, metavar="SECONDS", help="cut the campaign off after this time")
    what.add_argument("--studies", type=int, metavar="N", help="so many sessions of finite streams in all")
    what.add_argument("--run", help="name of the run, the source of all UIDs; given again it makes the same ones")
    how = parser.add_argument_group("how")
    how.add_argument("--processes", metavar="N|auto", help="make the load in so many processes of this machine")
    how.add_argument("--master", metavar="[HOST]:PORT", help="make no load, lead workers that connect here")
    how.add_argument("--workers", type=int, default=1, metavar="N", help="with --master: so many are waited for")
    how.add_argument("--worker", metavar="HOST:PORT", help="make load for the master there; it says what")
    how.add_argument("--until-end-of-input", action="store_true", help=argparse.SUPPRESS)
    how.add_argument("--no-calibration", action="store_true", help="don't measure first what this machine could send")
    how.add_argument(
        "--s3-baseline",
        type=Path,
        metavar="FILE",
        help="AWS credentials: put and get the same sizes directly too",
    )
    how.add_argument("--no-pdf", action="store_true", help="don't print the report to PDF as well")
    parser.add_argument("--print-paths", action="store_true", help="print the last report's JSON and HTML path")
    return parser


def _verify_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="vnaops-campaign verify", description=COMMANDS["verify"])
    parser.add_argument("folder", type=Path, nargs="?", help="a campaign's folder")
    parser.add_argument("--outputs", type=Path, required=True, help="JSON file of the environment's outputs")
    parser.add_argument("--ledger", type=Path, action="append", default=[], help="a ledger alone, instead of a folder")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """The console script. Returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # progress is to be seen in a pipe too
    command, rest = (
        ("run", arguments) if arguments[:1] == [] or arguments[0] not in COMMANDS else (arguments[0], arguments[1:])
    )
    try:
        if command == "run":
            return _run(run_parser().parse_args(rest))
        if command == "verify":
            return _verify(_verify_parser().parse_args(rest))
        if command == "schema":
            return _schema()
        from loadtests.reports import commands

        on_raw_data = {
            "report": commands.report,
            "compare": commands.compare_campaigns,
            "merge": commands.merge_campaigns,
        }
        return on_raw_data[command](rest)
    except ValueError as error:  # BadInput, PlanError, OutputsError, RefusedError, …
        print(f"vnaops-campaign: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print("vnaops-campaign: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _run(options: argparse.Namespace) -> int:
    if options.print_paths:
        return _print_paths(options.report_dir)
    from gevent import monkey

    monkey.patch_all()

    from loadtests.campaigns import commands

    return commands.work(options) if options.worker else commands.run(options)


def _print_paths(report_dir: Path) -> int:
    reports = sorted(path for path in report_dir.glob("*/report.json") if path.with_suffix(".html").exists())
    if not reports:
        raise BadInput(f"{report_dir} has no report yet: run a campaign (`make campaign`)")
    print(reports[-1].resolve())
    print(reports[-1].with_suffix(".html").resolve())
    return EXIT_MET


def _schema() -> int:
    import json

    from loadtests.campaigns.plan import Plan

    print(json.dumps(Plan.model_json_schema(), indent=1))
    return EXIT_MET


def _verify(options: argparse.Namespace) -> int:
    import json

    from loadtests import environment, ledger
    from loadtests.reports import terminal
    from loadtests.verify import verify

    target = environment.load(options.outputs)
    ledgers = [*options.ledger, *([options.folder] if options.folder else [])]
    if not ledgers:
        raise BadInput("verify: name a campaign's folder, or --ledger FILE")
    try:
        _, entries = ledger.read(*ledgers)
    except ledger.LedgerError as error:
        raise BadInput(str(error)) from None
    result = verify(
        entries, target.dicom_web, (lambda _done, _total: None) if options.json else terminal.VerifyProgress()
    )
    print(json.dumps(result.as_dict(), indent=1)) if options.json else terminal.show_integrity(result)
    return EXIT_MET if result.passed else EXIT_NOT_MET


if __name__ == "__main__":
    sys.exit(main())
