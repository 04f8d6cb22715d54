"""What stops a run in words instead of a traceback."""


class ToolError(Exception):
    """One line: what went wrong, where, why, and what to do."""
