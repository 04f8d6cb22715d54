"""pynetdicom's SCP in this process, on a free port of the loopback."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from pynetdicom import AE, DEFAULT_TRANSFER_SYNTAXES, evt
from pynetdicom.sop_class import SecondaryCaptureImageStorage, Verification

Handler = Callable[[Any], Any]


@dataclass
class PynetdicomScp:
    """Where it listens, and the data sets that it was sent (as pydicom's, with their file meta information)."""

    port: int
    ae_title: str
    received: list[Any] = field(default_factory=list)


@contextmanager
def pynetdicom_scp(
    *,
    ae_title: str = "PYNETDICOM",
    sop_classes: Sequence[str] = (Verification, SecondaryCaptureImageStorage),
    transfer_syntaxes: Sequence[str] = DEFAULT_TRANSFER_SYNTAXES,
    max_pdu_length: int = 16382,
    require_called_ae_title: bool = False,
    require_calling_ae_titles: Sequence[str] = (),
    maximum_associations: int = 10,
    roles: Sequence[str] = (),
    handlers: Mapping[Any, Handler] | None = None,
) -> Iterator[PynetdicomScp]:
    """Serve C-ECHO and C-STORE, or what `handlers` (pynetdicom's event -> handler) makes of them.

    Of the SOP classes in `roles` the requestor may be SCP, as C-GET needs.
    """
    entity = AE(ae_title=ae_title)
    entity.maximum_pdu_size = max_pdu_length
    entity.require_called_aet = require_called_ae_title
    entity.require_calling_aet = list(require_calling_ae_titles)
    entity.maximum_associations = maximum_associations
    for sop_class in sop_classes:
        # None: role selection isn't answered
        role = True if sop_class in roles else None
        entity.add_supported_context(sop_class, list(transfer_syntaxes), scu_role=role, scp_role=role)
    server = PynetdicomScp(0, ae_title)

    def store(event: Any) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        server.received.append(dataset)
        return 0x0000

    served: dict[Any, Handler] = {evt.EVT_C_STORE: store, **(handlers or {})}
    listening = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(served.items()))
    try:
        server.port = listening.socket.getsockname()[1]
        yield server
    finally:
        # shutdown aborts what runs, and its state machine does not stand that while a rejected peer closes
        for association in entity.active_associations:
            association.join(5)
        entity.shutdown()
