"""What stops the embedded node in words instead of a traceback."""


class NodeError(Exception):
    """One line: what went wrong, where, why, and what to do."""
