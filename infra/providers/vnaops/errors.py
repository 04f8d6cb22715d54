"""What the Pulumi-free functions raise for the user's eyes. Messages carry no key and no secret."""

from collections.abc import Mapping
from typing import Any


class RefusalError(Exception):
    """Something is not done, and nothing was changed unless the message says so; it says what to do."""


class HalfMadeError(Exception):
    """A resource was made, but something of it failed: the state must keep it, so that the next `up` finishes it."""

    def __init__(self, message: str, identity: str, state: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.identity = identity
        self.state = state


class CancelledError(Exception):
    """The engine cancelled the operation (Ctrl-C)."""
