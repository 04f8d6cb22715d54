"""How a probe ended, in the standard's words where it has them (PS3.8 sections 7.1, 7.3): label values of a metric."""

import os
import ssl
from enum import StrEnum

from exporters.dimse.pdu import Abort, AssociateReject
from exporters.dimse.reasons import AbortSource, RejectResult


class Outcome(StrEnum):
    """One of these is what a probe came to; all but `ACCEPTED` are failures."""

    ACCEPTED = "accepted"
    REJECTED_PERMANENT = "rejected-permanent"
    REJECTED_TRANSIENT = "rejected-transient"
    ABORTED_BY_USER = "aborted-by-service-user"
    ABORTED_BY_PROVIDER = "aborted-by-service-provider"
    TIMED_OUT = "timed-out"
    UNRESOLVED = "unresolved"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"
    RESET = "reset"
    TLS_FAILED = "tls-failed"
    CERTIFICATE_INVALID = "certificate-invalid"
    CONTEXT_NOT_ACCEPTED = "context-not-accepted"
    FAILURE_STATUS = "failure-status"
    HTTP_STATUS = "http-status"
    UNEXPECTED_CONTENT = "unexpected-content"
    TOO_LARGE = "too-large"
    PROTOCOL_VIOLATION = "protocol-violation"
    INTERNAL_ERROR = "internal-error"


class ProbeError(Exception):
    """The probe failed: its class, words for the log, and the rejection if it was one."""

    def __init__(self, outcome: Outcome, words: str, rejection: AssociateReject | None = None) -> None:
        super().__init__(words)
        self.outcome = outcome
        self.rejection = rejection


def rejected(pdu: AssociateReject) -> ProbeError:
    """The failure that a rejection is; a reserved result counts as permanent."""
    transient = pdu.result == RejectResult.REJECTED_TRANSIENT
    return ProbeError(Outcome.REJECTED_TRANSIENT if transient else Outcome.REJECTED_PERMANENT, str(pdu), pdu)


def aborted(pdu: Abort) -> ProbeError:
    """The failure that an abort is; a reserved source counts as the user."""
    provider = pdu.source == AbortSource.SERVICE_PROVIDER
    return ProbeError(Outcome.ABORTED_BY_PROVIDER if provider else Outcome.ABORTED_BY_USER, str(pdu))


def os_words(error: OSError) -> str:
    """What the system says of it; asyncio's own texts repeat the address, and a resolver's errors have no number."""
    if isinstance(error, ssl.SSLError):
        return (error.reason or type(error).__name__).lower().replace("_", " ")
    if error.errno is not None and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror or type(error).__name__


def of_os_error(error: OSError) -> Outcome:
    """The class of what a socket raised."""
    if isinstance(error, ssl.SSLError):
        return Outcome.TLS_FAILED
    if isinstance(error, ConnectionRefusedError):
        return Outcome.REFUSED
    if isinstance(error, ConnectionError):
        return Outcome.RESET
    if isinstance(error, TimeoutError):
        return Outcome.TIMED_OUT
    return Outcome.UNREACHABLE
