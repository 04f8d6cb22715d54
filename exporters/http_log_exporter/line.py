"""One line of HAProxy's log, which is one HTTP transaction.

The line has fixed keys in a fixed order (infra/components/haproxy.py writes the format). HAProxy puts the name of the
route in place of the path, so that no identifier of a study can be in it. Times are milliseconds, -1 where the phase
was not reached.
"""

import re
from dataclasses import dataclass
from typing import Final

NO_ANSWER: Final = "none"
"""The status class of a transaction that ended before it had a status."""
LONGEST: Final = 1024  # HAProxy cuts a line here (`log … len`): what is longer is none of its

_NAME, _WORD, _TIME, _COUNT = r"[A-Za-z0-9_.-]{1,64}", r"[!-~]{1,64}", r"-1|[0-9]{1,12}", r"[0-9]{1,18}"
_FIELDS: Final = {
    "client": _WORD,
    "method": _WORD,
    "status": r"-1|[1-5][0-9]{2}",
    "operation": _NAME,
    "backend": _NAME,
    "server": _WORD,
    "request_ms": _TIME,
    "queue_ms": _TIME,
    "connect_ms": _TIME,
    "response_ms": _TIME,
    "total_ms": _TIME,
    "received_bytes": _COUNT,
    "sent_bytes": _COUNT,
    "end": _WORD,
}
_LINE: Final = re.compile("http " + " ".join(f"{key}=(?P<{key}>{form})" for key, form in _FIELDS.items()))


class LineError(ValueError):
    """A datagram that is no line of this form. The message never repeats what was in it."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One HTTP request and its response, as the balancer saw them."""

    operation: str
    backend: str
    status_class: str
    seconds: float
    """From the request's first byte to the response's last."""
    first_byte_seconds: float | None
    """From the request's first byte to the server's response; None where no server answered."""
    received_bytes: int
    sent_bytes: int


def parse(datagram: bytes) -> Transaction:
    """Read one datagram.

    Raises:
        LineError: it is not a line of this form, to the last character.
    """
    if len(datagram) > LONGEST:
        raise LineError(f"longer than {LONGEST} bytes")
    try:
        found = _LINE.fullmatch(datagram.removesuffix(b"\n").decode("ascii"))
    except UnicodeDecodeError:
        raise LineError("not ASCII") from None
    if found is None:
        raise LineError("not of the form that the balancer logs")
    status, total = found["status"], int(found["total_ms"])
    if total < 0:
        raise LineError("a transaction without a duration")
    phases = [int(found[f"{phase}_ms"]) for phase in ("request", "queue", "connect", "response")]
    return Transaction(
        operation=found["operation"],
        backend=found["backend"],
        status_class=NO_ANSWER if status == "-1" else f"{status[0]}xx",
        seconds=total / 1000,
        first_byte_seconds=None if min(phases) < 0 else sum(phases) / 1000,
        received_bytes=int(found["received_bytes"]),
        sent_bytes=int(found["sent_bytes"]),
    )
