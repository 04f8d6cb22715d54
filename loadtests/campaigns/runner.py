"""Runs a campaign with Locust's own runner in this process: begins, shows progress, ends in time, and leaves a ledger.

Import it only after gevent has patched the standard library.
"""

import time
from collections.abc import Callable
from typing import Any

import gevent
import locust
from locust.env import Environment as LocustEnvironment

from loadtests.campaigns.interruption import Interruption
from loadtests.campaigns.plan import Users
from loadtests.campaigns.work import Campaign
from loadtests.transactions import Outcome
from loadtests.users.dicom import CGetUser, CStoreUser
from loadtests.users.web import StowUser, WadoUser

PROGRESS_SECONDS = 2.0


def in_a_thread(call: Callable[[int], None], argument: int) -> object:
    """A call that blocks without gevent's knowledge, made where it holds up nobody: `fdatasync`."""
    return gevent.get_hub().threadpool.apply(call, (argument,))


def user_classes(users: Users) -> list[type[locust.User]]:
    """The classes that a plan has users of, each told how many."""
    wanted = {CStoreUser: users.c_store, StowUser: users.stow_rs, CGetUser: users.c_get, WadoUser: users.wado_rs}
    return [type(kind.__name__, (kind,), {"fixed_count": count}) for kind, count in wanted.items() if count]


def run(campaign: Campaign, say: Callable[[str], None], interruption: Interruption) -> int:
    """Run it to its end, its limit of time or an interruption. Returns how many users died of an error of their own.

    What is under way at the end is let finish, up to the plan's answer time-out.
    """
    environment: Any = LocustEnvironment(
        user_classes=user_classes(campaign.plan.users),
        events=locust.event.Events(),
        stop_timeout=campaign.plan.answer_timeout_seconds,
        catch_exceptions=True,
    )
    environment.campaign = campaign
    environment.events.request.add_listener(campaign.recorder.on_request)
    runner = environment.create_local_runner()
    count = sum(kind.fixed_count for kind in environment.user_classes)
    campaign.recorder.begun = begun = time.monotonic()
    runner.start(count, spawn_rate=count)
    runner.spawning_greenlet.join()
    _watch(campaign, runner, begun, say, interruption)
    campaign.work.stop()
    runner.quit()
    for error in runner.exceptions.values():
        say(f"{error['count']} users died: {error['msg']}\n{error['traceback']}")
    return sum(error["count"] for error in runner.exceptions.values())


def _watch(
    campaign: Campaign, runner: Any, begun: float, say: Callable[[str], None], interruption: Interruption
) -> None:
    shown = begun
    while runner.user_count and not interruption.asked:
        gevent.sleep(0.1)
        now = time.monotonic()
        if now - shown >= PROGRESS_SECONDS:
            shown = now
            say(progress(campaign, now - begun))
        if now - begun >= campaign.plan.limit_seconds:
            say(f"the limit of {campaign.plan.limit_seconds:g} s is reached")
            return


def progress(campaign: Campaign, elapsed: float) -> str:
    """One line: how far it is."""
    work, done = campaign.work, campaign.recorder.transactions
    stored = [one for one in done if one.operation in ("C-STORE", "STOW-RS") and one.outcome is Outcome.OK]
    bad = sum(one.outcome is Outcome.FAILED for one in done)
    unknown = sum(one.outcome is Outcome.UNKNOWN for one in done)
    instances, megabytes = sum(one.instances for one in stored), sum(one.size for one in stored) / 1e6
    return (
        f"{elapsed:5.0f} s  studies stored {work.stored}/{work.total}, retrieved {work.retrieved}/{work.to_retrieve}  "
        f"{instances} instances acknowledged ({instances / elapsed:.0f}/s, {megabytes / elapsed:.1f} MB/s)  "
        f"{bad} failed, {unknown} unknown"
    )
