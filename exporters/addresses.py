"""[HOST]:PORT, as the options and files of all exporters take it."""

from argparse import ArgumentTypeError


def listen_address(text: str) -> tuple[str | None, int]:
    """[HOST]:PORT; None: no host is named. Raises ValueError in words."""
    host, colon, port = text.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{text!r} is not [HOST]:PORT")
    return host.strip("[]") or None, int(port)


def argument(text: str) -> tuple[str | None, int]:
    """The same as the type of an option."""
    try:
        return listen_address(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def argument_ipv4(text: str) -> tuple[str, int]:
    """The same where a host that is left out means every address of IPv4."""
    host, port = argument(text)
    return host or "0.0.0.0", port  # noqa: S104
