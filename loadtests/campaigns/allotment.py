"""Which worker gets how many users of which stream: said at once to Locust, which would spread them in its own way.

It has to be known to every worker who else takes a stream's arrivals (see `streams.shares`), and a worker without users
of an open stream must not be given arrivals of it.
"""

from typing import Any

from locust import runners
from locust.dispatch import UsersDispatcher

from loadtests.campaigns.performer import user_classes
from loadtests.campaigns.plan import Plan
from loadtests.campaigns.streams import Users, allot, order

LIVENESS = 60  # heartbeats, one a second


def dispatcher(plan: Plan) -> type[UsersDispatcher]:
    """A dispatcher for Locust's environment; it starts all users at once, since they wait for the common begin."""

    class Allotment(UsersDispatcher):
        def __init__(self, worker_nodes: list[Any], user_classes: list[Any]) -> None:
            super().__init__(worker_nodes, user_classes)
            self._allotted = allot(plan, order([node.id for node in worker_nodes]))

        def new_dispatch(self, *_: Any, **__: Any) -> None:
            self._dispatcher_generator = iter([self._allotted])

        def __next__(self) -> Users:
            return next(self._dispatcher_generator)

        def add_worker(self, worker_node: Any) -> None:
            """Who comes later has no part in this campaign."""

        def remove_worker(self, worker_node: Any) -> None:
            """The conductor ends the campaign; nobody else takes the lost one's users."""

    return Allotment


def hang(locust_environment: Any, plan: Plan) -> None:
    """Make Locust's environment one of this campaign. A runner may be there already, but no test."""
    locust_environment.dispatcher_class = dispatcher(plan)
    locust_environment.user_classes = user_classes(plan, {})
    locust_environment.stop_timeout = plan.answer_timeout_seconds
    # Locust gives a worker up after 4 s in which it makes pixel data, and ends the test with the last one; who has
    # vanished says the conductor.
    runners.HEARTBEAT_LIVENESS = LIVENESS
