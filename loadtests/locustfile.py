"""The same campaigns under Locust's own command line and web interface, with the same ledger and report.

locust -f loadtests/locustfile.py --outputs FILE --campaign first [--headless -u 7 -r 7 -t 60s]

The number of users of each kind is the campaign's; start with as many as it has in sum. Each start is a new run.
"""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from locust import events
from locust.runners import LocalRunner

from loadtests import environment as environments
from loadtests.campaigns import plan as plans
from loadtests.campaigns import session
from loadtests.campaigns.work import studies
from loadtests.main import DEFAULT_REPORTS, report_folder
from loadtests.profiles.study import new_run
from loadtests.users.dicom import CGetUser, CStoreUser
from loadtests.users.web import StowUser, WadoUser

__all__ = ["CGetUser", "CStoreUser", "StowUser", "WadoUser"]  # Locust takes its users from here


@events.init_command_line_parser.add_listener
def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--outputs", env_var="VNAOPS_OUTPUTS", help="JSON file of the environment's outputs")
    parser.add_argument("--campaign", default="first", help="name of a campaign, or path of its .yaml file")
    parser.add_argument("--report-dir", default=str(DEFAULT_REPORTS), help="folder of the reports' folders")


@events.init.add_listener
def _prepare(environment: Any, **_: Any) -> None:
    options = environment.parsed_options
    if not isinstance(environment.runner, LocalRunner):
        raise SystemExit("locustfile: one process only: work and ledger are not shared between workers")
    if not options.outputs:
        raise SystemExit("locustfile: --outputs is missing: the JSON file of the environment's outputs")
    try:
        target, plan = environments.load(Path(options.outputs)), plans.load(options.campaign)
    except ValueError as error:
        raise SystemExit(f"locustfile: {error}") from None
    wanted = {CStoreUser: plan.users.c_store, StowUser: plan.users.stow_rs}
    for kind, count in {**wanted, CGetUser: plan.users.c_get, WadoUser: plan.users.wado_rs}.items():
        kind.fixed_count = count

    @environment.events.test_start.add_listener
    def _begin(environment: Any, **_: Any) -> None:
        run = new_run()
        folder = report_folder(Path(options.report_dir), plan.name)
        environment.campaign = session.begin(plan, target, run, studies(plan, run), folder)
        environment.events.request.add_listener(environment.campaign.recorder.on_request)

    @environment.events.test_stopping.add_listener
    def _stop(environment: Any, **_: Any) -> None:
        environment.campaign.work.stop()

    @environment.events.test_stop.add_listener
    def _conclude(environment: Any, **_: Any) -> None:
        environment.events.request.remove_listener(environment.campaign.recorder.on_request)
        died = sum(error["count"] for error in environment.runner.exceptions.values())
        report = session.conclude(environment.campaign, died)
        environment.process_exit_code = session.EXIT_MET if report.passed else session.EXIT_NOT_MET
