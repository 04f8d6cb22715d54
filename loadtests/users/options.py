"""What a stream's `options` may say, by behaviour and protocol. All times are in seconds."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """Of a behaviour that has none, and the base of the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class DimseOptions(Options):
    """Of whoever speaks DIMSE."""

    tls: bool = Field(default=False, description="through the environment's door for DICOM over TLS")


class StowOptions(Options):
    """Of whoever stores by STOW-RS."""

    instances_per_request: int = Field(default=8, ge=1, le=500, description="instances of one request at most")
    follow_urls: bool = Field(default=False, description="fetch every RetrieveURL of the answers")


class WebRetrieveOptions(Options):
    """Retrieving by WADO-RS."""

    level: Literal["study", "series", "instance"] = Field(default="series", description="what one request fetches")
    follow_urls: bool = Field(default=False, description="fetch every RetrieveURL and BulkDataURI of the answers too")


class OperatingRoomOptions(Options):
    """Films."""

    playback: float = Field(default=0.1, ge=0, le=1, description="share of the clips that are looked at again at once")


class DimseOperatingRoomOptions(DimseOptions, OperatingRoomOptions):
    """By DIMSE."""


class WebOperatingRoomOptions(StowOptions, OperatingRoomOptions):
    """By DICOMweb."""


class ReadingRoomOptions(Options):
    """Reading."""

    images: int = Field(default=60, ge=1, le=10_000, description="images of a study that are scrolled through at most")
    scroll_seconds: float = Field(default=0.1, ge=0, le=60, description="from image to image while scrolling")
    priors: int = Field(default=1, ge=0, le=20, description="prior studies of the patient that are opened at most")
    think_seconds: float = Field(default=0, ge=0, le=3600, description="before the next study is opened")


class DimseReadingRoomOptions(DimseOptions, ReadingRoomOptions):
    """By C-FIND and C-GET."""


class WebReadingRoomOptions(ReadingRoomOptions):
    """By QIDO-RS and WADO-RS."""

    page: int = Field(default=25, ge=1, le=1000, description="matches of one page of a list")
    rendered: float = Field(default=0.2, ge=0, le=1, description="share of the images that are fetched rendered")
    thumbnails: bool = Field(default=False, description="one of each series; Orthanc's DICOMweb 1.20 has none (404)")


class PathologyViewerOptions(Options):
    """Looking at slides."""

    viewports: int = Field(default=20, ge=1, le=10_000, description="places of a slide that are looked at")
    columns: int = Field(default=4, ge=1, le=100, description="tiles of a viewport, side by side")
    rows: int = Field(default=3, ge=1, le=100, description="tiles of a viewport, one above the other")
    connections: int = Field(default=6, ge=1, le=64, description="requests at a time; browsers have six to a host")
    think_seconds: float = Field(default=0.5, ge=0, le=3600, description="from viewport to viewport at least")


class CleaningOptions(Options):
    """Deleting the studies of test patients."""

    really: bool = Field(default=False, description="delete; else only say what would be deleted")
    patient_id: str = Field(
        default="VNAOPS-TEST-*", pattern=r"^VNAOPS-TEST-[A-Za-z0-9*?-]*$", description="whose studies are looked for"
    )
    older_than_days: int = Field(default=0, ge=0, description="only studies performed at least so many days ago")


OPTIONS: Mapping[tuple[str, str], type[Options]] = {
    ("modality", "dimse"): DimseOptions,
    ("modality", "dicomweb"): StowOptions,
    ("store", "dimse"): DimseOptions,
    ("store", "dicomweb"): StowOptions,
    ("migration", "dimse"): DimseOptions,
    ("migration", "dicomweb"): StowOptions,
    ("operating_room", "dimse"): DimseOperatingRoomOptions,
    ("operating_room", "dicomweb"): WebOperatingRoomOptions,
    ("retrieve", "dimse"): DimseOptions,
    ("retrieve", "dicomweb"): WebRetrieveOptions,
    ("retrieve", "wado_uri"): Options,
    ("reading_room", "dimse"): DimseReadingRoomOptions,
    ("reading_room", "dicomweb"): WebReadingRoomOptions,
    ("prefetch", "dimse"): DimseOptions,
    ("pathology_viewer", "dicomweb"): PathologyViewerOptions,
    ("cleaning", "dicomweb"): CleaningOptions,
}
"""(behaviour, protocol) -> the model of its `options`."""
