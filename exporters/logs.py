"""How every exporter speaks: JSON lines on stderr, and no series that nobody asks for."""

import logging
import sys
from argparse import ArgumentParser
from typing import Final

import prometheus_client
import structlog

LEVELS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def add_option(parser: ArgumentParser) -> None:
    """The option `--log.level`."""
    logs = parser.add_argument_group("logs")
    logs.add_argument("--log.level", dest="log_level", choices=LEVELS, default="info", help="JSON lines on stderr")


def configure(level: str) -> None:
    """Before the first line is said and the first metric made; `level` is one of LEVELS."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    # a second series per counter otherwise
    prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
