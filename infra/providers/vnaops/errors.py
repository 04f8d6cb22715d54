"""What the Pulumi-free functions raise for the user's eyes. Messages carry no key and no secret."""


class RefusalError(Exception):
    """Something is not done, and nothing was changed unless the message says so; it says what to do."""


class HalfMadeError(Exception):
    """A resource exists, but not as it should be: the state must remember it. The cause is the failure."""


class CancelledError(Exception):
    """The engine cancelled the operation (Ctrl-C)."""
