"""What can go wrong between a request and its answer, each under a name of its own.

`kind` is one of a bounded number of words (it names a row in the report); the message adds what helps a person.
What decides between `refused` and `unknown` in the ledger is whether the peer has answered: `NoAnswerError` or not.
"""

from exporters.dimse.pdu import Abort, AssociateReject


class ScuError(Exception):
    """Any failure of an operation."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class ConnectError(ScuError):
    """There is no connection: refused, unreachable, no such name, no TLS, or none in time. Nothing was sent."""


class RejectedError(ScuError):
    """A-ASSOCIATE-RJ, in the standard's words."""

    def __init__(self, answer: AssociateReject) -> None:
        super().__init__(f"association rejected: {answer}", f"the association is {answer}")


class ContextError(ScuError):
    """The peer accepted no presentation context for what was to be sent. Nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__("presentation context refused", message)


class StatusError(ScuError):
    """The peer has answered, with a status of failure (PS3.7 annex C)."""

    def __init__(self, operation: str, status: int, comment: str) -> None:
        super().__init__(f"status 0x{status:04X}", f"{operation} ended with status 0x{status:04X} {comment}".rstrip())
        self.status = status


class NoAnswerError(ScuError):
    """The connection was there and no answer came; what was sent may have been done or not."""


class TimedOutError(NoAnswerError):
    """No answer, or not all of it, within the time-out. An answer that comes later finds the association aborted."""

    def __init__(self, operation: str, seconds: float) -> None:
        super().__init__("timed out", f"{operation}: no answer within {seconds:g} s")


class AbortedError(NoAnswerError):
    """A-ABORT by the peer, in the standard's words."""

    def __init__(self, operation: str, event: Abort) -> None:
        super().__init__(str(event), f"{operation}: the association was {event}")


class LostError(NoAnswerError):
    """The peer closed or reset the connection."""

    def __init__(self, operation: str, why: str, kind: str = "connection lost") -> None:
        super().__init__(kind, f"{operation}: {why}")


class CutError(LostError):
    """The peer closed or reset the connection in the middle of what it was sending."""

    def __init__(self, operation: str, why: str) -> None:
        super().__init__(operation, f"{why}, within an answer", "connection lost within an answer")


class NonsenseError(NoAnswerError):
    """The peer has sent what the protocol doesn't allow: garbage, or a request where an answer belongs."""

    def __init__(self, operation: str, why: str, kind: str = "protocol violated by the peer") -> None:
        super().__init__(kind, f"{operation}: {why}")


class AnsweredAnotherError(NonsenseError):
    """The peer has answered a message that was never sent."""

    def __init__(self, operation: str, message_id: int | None) -> None:
        super().__init__(operation, f"answer to message {message_id}, which was never sent", "answered another message")


class AnsweredTwiceError(NonsenseError):
    """The peer has answered a message a second time."""

    def __init__(self, operation: str, message_id: int | None) -> None:
        super().__init__(operation, f"message {message_id} is answered a second time", "answered twice")
