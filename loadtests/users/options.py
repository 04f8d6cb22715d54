"""What a stream's `options` may say, by behaviour and protocol. All times are in seconds."""

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Options(BaseModel):
    """Of a behaviour that has none, and the base of the others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StowOptions(Options):
    """Storing by STOW-RS."""

    instances_per_request: int = Field(default=8, ge=1, le=500, description="instances of one request at most")
    follow_urls: bool = Field(default=False, description="fetch every RetrieveURL of the answers (as metadata)")


class WebRetrieveOptions(Options):
    """Retrieving by WADO-RS."""

    level: Literal["study", "series", "instance"] = Field(default="series", description="what one request fetches")
    follow_urls: bool = Field(default=False, description="fetch every RetrieveURL and BulkDataURI of the answers too")


OPTIONS: Mapping[tuple[str, str], type[Options]] = {
    ("modality", "dimse"): Options,
    ("modality", "dicomweb"): StowOptions,
    ("retrieve", "dimse"): Options,
    ("retrieve", "dicomweb"): WebRetrieveOptions,
    ("retrieve", "wado_uri"): Options,
}
"""(behaviour, protocol) -> the model of its `options`."""
