"""Instances that come to us: by C-GET over our own association, by C-MOVE to our SCP."""

from collections.abc import Callable

from exporters.dimse import message
from exporters.dimse.association import Association
from exporters.dimse.command import Command, CommandField
from exporters.dimse.message import Message, Sink

OnInstance = Callable[[Message, str], int]
"""Takes a C-STORE request that came and its transfer syntax; returns the status to answer with."""

OpenSink = Callable[[Command, str], Sink | None]
"""Called as an instance begins to come, with its command and transfer syntax: what takes the data set; None: memory."""


def sink_opener(association: Association, open_sink: OpenSink) -> message.OpenSink:
    """For the codec: what is opened for the data set of each C-STORE request."""

    def opened(context_id: int, request: Command) -> Sink | None:
        if request.command_field != CommandField.C_STORE_RQ:
            return None
        return open_sink(request, association.contexts[context_id].transfer_syntax)

    return opened
