"""Locust users: what people and machines do to an archive, on the DIMSE engine and on Locust's fast HTTP client.

Importing this package imports neither Locust nor gevent: a campaign file is checked by `OPTIONS` alone, and the class
of a behaviour is imported when it is asked for. (Locust patches the standard library on import.)
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from loadtests.users.options import OPTIONS

if TYPE_CHECKING:
    from loadtests.users.base import CampaignUser

__all__ = ["BEHAVIOURS", "OPTIONS"]

_CLASSES: Mapping[tuple[str, str], str] = {
    ("modality", "dimse"): "modality:DimseModality",
    ("modality", "dicomweb"): "modality:WebModality",
    ("store", "dimse"): "store:DimseStore",
    ("store", "dicomweb"): "store:WebStore",
    ("migration", "dimse"): "migration:DimseMigration",
    ("migration", "dicomweb"): "migration:WebMigration",
    ("operating_room", "dimse"): "operating_room:DimseOperatingRoom",
    ("operating_room", "dicomweb"): "operating_room:WebOperatingRoom",
    ("retrieve", "dimse"): "retrieve:DimseRetriever",
    ("retrieve", "dicomweb"): "retrieve:WebRetriever",
    ("retrieve", "wado_uri"): "retrieve:WadoUriRetriever",
    ("reading_room", "dimse"): "reading_room:DimseReadingRoom",
    ("reading_room", "dicomweb"): "reading_room:WebReadingRoom",
    ("prefetch", "dimse"): "prefetch:Prefetch",
    ("pathology_viewer", "dicomweb"): "pathology_viewer:PathologyViewer",
    ("cleaning", "dicomweb"): "cleaning:Cleaning",
}


class _Behaviours(Mapping[tuple[str, str], "type[CampaignUser]"]):
    def __getitem__(self, key: tuple[str, str]) -> "type[CampaignUser]":
        module, name = _CLASSES[key].split(":")
        found: type[CampaignUser] = getattr(import_module(f"{__name__}.{module}"), name)
        return found

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(_CLASSES)

    def __len__(self) -> int:
        return len(_CLASSES)


BEHAVIOURS: Mapping[tuple[str, str], "type[CampaignUser]"] = _Behaviours()
"""(behaviour, protocol) -> the class of its users."""
