"""Messages between a campaign's conductor and performers, over Locust's runners.

A runner without workers hands them to itself, so that all is one way whoever makes the load. To the performers go
prepare, begin, stored, no-more and finish; to the conductor go here, ready, progress, append, has-stored and closed.
"""

from collections.abc import Callable
from typing import Any

PREFIX = "vnaops-"
Listener = Callable[[str, dict[str, Any]], None]


def listen(runner: Any, listeners: dict[str, Listener]) -> None:
    """Register listeners by kind, in the place of earlier ones; they get the sender's name and the data."""
    for kind, listener in listeners.items():
        runner.custom_messages.pop(PREFIX + kind, None)
        runner.register_message(PREFIX + kind, _adapted(listener))


def _adapted(listener: Listener) -> Callable[..., None]:
    def on_message(**given: Any) -> None:
        listener(given["msg"].node_id, given["msg"].data or {})

    return on_message


def send(runner: Any, kind: str, data: dict[str, Any], to: str | None = None) -> None:
    """Send one; a worker sends to its master, a master to the worker of that name."""
    runner.send_message(PREFIX + kind, data, to)
