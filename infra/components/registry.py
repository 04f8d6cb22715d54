"""The archive's registry: the site's modalities and the environment's own application entities."""

from collections.abc import Iterable
from typing import Final

from infra.components.network import Peer
from infra.settings import ApplicationEntity, Modality, Right

CALLED: Final = frozenset({Right.DESTINATION, Right.COMMITMENT})
"""Rights that have the archive call: with what C-MOVE sends, and with the reports of storage commitment."""


class OwnEntity(ApplicationEntity):
    """One of the environment's own: policies know it as an app of the namespace, not by an address."""

    app: str


Entry = Modality | OwnEntity


def called(registry: Iterable[Entry]) -> list[Peer]:
    """Whom the archive may call, for its policy."""
    return [
        Peer([one.port], apps=[one.app]) if isinstance(one, OwnEntity) else Peer([one.port], cidrs=[one.network])
        for one in registry
        if one.rights & CALLED
    ]
