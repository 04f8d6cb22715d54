"""`vnaops-campaign report`, `compare` and `merge`: they need raw data and nothing else."""

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from loadtests import reports
from loadtests.compare import LEAST, compare, side
from loadtests.reports import comparison, repeats, terminal
from loadtests.reports.folder import S3_BASELINE, Folder, FolderError
from loadtests.reports.merge import merge

EXIT_MET, EXIT_NOT_MET = 0, 1
DEFAULT_COMPARISONS = Path("build/compare")


def report(arguments: Sequence[str]) -> int:
    """Make reports again. Returns 0 where every campaign had passed, else 1.

    Raises:
        FolderError: a folder can't be read.
    """
    parser = argparse.ArgumentParser(
        prog="vnaops-campaign report",
        description="Make the reports of campaigns' folders again, from their raw data.",
        epilog="Exit codes: 0 all passed, 1 not, 2 bad input.",
    )
    parser.add_argument("folder", type=Path, nargs="+", help="a campaign's folder")
    parser.add_argument("--no-pdf", action="store_true", help="without the PDF, which Chromium prints")
    beneath = parser.add_argument_group(
        "S3 baseline", "put and get the campaign's sizes directly, and report the archive's share of the time"
    )
    beneath.add_argument("--s3-credentials", type=Path, metavar="FILE", help="AWS shared credentials: measure it now")
    beneath.add_argument("--outputs", type=Path, metavar="FILE", help="the environment's outputs: endpoint and bucket")
    parser.add_argument("--repeats", type=Path, metavar="NEW", help="folder for the repeats' figures together")
    options = parser.parse_args(arguments)
    if options.repeats and len(options.folder) < 2:
        raise FolderError("report: --repeats needs two campaigns at least")
    if options.s3_credentials and not options.outputs:
        raise FolderError("report: --s3-credentials needs --outputs, which name the store and its bucket")
    runs = []
    for folder in options.folder:
        if options.s3_credentials:
            s3_baseline(folder, options.outputs, options.s3_credentials)
        made = reports.write(folder, with_pdf=not options.no_pdf)
        terminal.show(made)
        print(f"report   {folder / reports.HTML}")
        runs.append(made)
    if options.repeats:
        repeats.write(runs, options.repeats)
        print(f"repeats  {options.repeats / repeats.HTML}")
    return EXIT_MET if all(one.passed for one in runs) else EXIT_NOT_MET


def s3_baseline(folder: Path, outputs: Path, credentials: Path) -> None:
    """Measure the S3 beneath the archive with the sizes of this campaign, into its folder.

    Raises:
        ValueError: nothing was stored, or the outputs or credentials can't be used.
    """
    # botocore imports ssl's users, which must not be before gevent or Locust has patched ssl
    from loadtests.bench.raw_s3 import store_of
    from loadtests.bench.s3_baseline import measure, sizes_of

    whole = Folder(folder)
    run = str(whole.session.get("run") or folder.name)
    found = measure(store_of(outputs, credentials), sizes_of(whole.rows), run=f"{run}-{datetime.now(UTC):%H%M%S}")
    (folder / S3_BASELINE).write_text(json.dumps(found.as_dict(), indent=1) + "\n")


def compare_campaigns(arguments: Sequence[str]) -> int:
    """Compare. Returns 1 where B is worse than A in anything, else 0.

    Raises:
        FolderError: a folder can't be read.
    """
    parser = argparse.ArgumentParser(
        prog="vnaops-campaign compare",
        description="Say by statistics whether campaign B differs from campaign A, and by how much.",
        epilog="A and B are campaigns' folders, or folders that hold several repeats. "
        "Exit codes: 0 B is not worse (no difference, or better), 1 B is worse in something, 2 bad input.",
    )
    parser.add_argument("sides", type=Path, nargs="*", metavar="FOLDER", help="A and B")
    parser.add_argument("--a", type=Path, nargs="+", default=[], metavar="FOLDER", help="repeats of A, instead")
    parser.add_argument("--b", type=Path, nargs="+", default=[], metavar="FOLDER", help="repeats of B")
    parser.add_argument(
        "--least", type=float, default=LEAST * 100, metavar="PERCENT", help="smaller ones don't matter (default: 5)"
    )
    parser.add_argument(
        "--into", type=Path, help=f"folder of compare.json and .html (default: {DEFAULT_COMPARISONS}/…)"
    )
    options = parser.parse_args(arguments)
    if options.sides and not options.a and not options.b and len(options.sides) == 2:
        options.a, options.b = options.sides[:1], options.sides[1:]
    elif options.sides or not options.a or not options.b:
        raise FolderError("compare: name two folders, A and B, or --a FOLDER… and --b FOLDER…")
    if not 0 <= options.least < 100:
        raise FolderError(f"compare: --least {options.least:g}: a percentage from 0 to below 100")
    found = compare(side(options.a), side(options.b), least=options.least / 100)
    into = options.into or DEFAULT_COMPARISONS / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    comparison.write(found, into)
    comparison.show(found)
    print(f"report   {into / comparison.HTML}\nnumbers  {into / comparison.JSON}")
    return EXIT_NOT_MET if found.worse else EXIT_MET


def merge_campaigns(arguments: Sequence[str]) -> int:
    """Merge, and make the report of the whole. Returns 0 where it passed, else 1.

    Raises:
        FolderError: they can't be merged.
    """
    parser = argparse.ArgumentParser(
        prog="vnaops-campaign merge",
        description="Make one folder of several campaigns' raw data: parts of one load that ran at the same time.",
        epilog="Exit codes: 0 the whole passed, 1 not, 2 bad input.",
    )
    parser.add_argument("folder", type=Path, nargs="+", help="a campaign's folder")
    parser.add_argument("--into", type=Path, required=True, help="the new folder")
    parser.add_argument("--no-pdf", action="store_true", help="without the PDF, which Chromium prints")
    options = parser.parse_args(arguments)
    merge([Folder(path) for path in options.folder], options.into)
    return report([str(options.into), *(["--no-pdf"] if options.no_pdf else [])])
