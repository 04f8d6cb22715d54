"""What the tap learns from an association, as calls; `metrics` makes Prometheus' series of them."""

from typing import Protocol

from exporters.dimse.pdu import Abort, AssociateReject


class Observer(Protocol):
    """Durations in seconds, sizes in bytes; AE titles are label values already."""

    def associated(self, called: str, calling: str, result: str, seconds: float) -> None:
        """An association was `accepted` or `rejected`, so long after its request."""

    def heard(self, calling: str) -> None:
        """This entity has just shown that it is alive."""

    def rejected(self, pdu: AssociateReject) -> None:
        """Why it was."""

    def aborted(self, pdu: Abort) -> None:
        """By whom."""

    def operation(
        self, name: str, called: str, calling: str, sop_class_group: str, syntax: str, status: int, seconds: float
    ) -> None:
        """An operation has its final response."""

    def response(self, name: str, called: str, calling: str, first: bool, seconds: float) -> None:
        """A pending response came: so long after the request (`first`) or after the pending one before it."""

    def instance(self, direction: str, calling: str) -> None:
        """A C-STORE's data set has passed in whole."""

    def unparsed(self, reason: str) -> None:
        """A stream, or a message in it, was not understood and is relayed all the same."""

    def waited(self, who: str, seconds: float) -> None:
        """Time in which an operation stood still for this party."""
