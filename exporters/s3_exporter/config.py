"""The configuration: where the store is, how often it is asked; and the declaration of what its buckets should be."""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from exporters.configuration import ConfigError


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Canary(_Strict):
    """The bucket whose objects are written to be measured."""

    bucket: str = Field(min_length=3, max_length=63)
    object_bytes: int = Field(default=16384, ge=1, le=16 << 20, description="size of an object")
    interval_seconds: float = Field(default=15.0, ge=1, le=3600, description="time between two rounds of operations")


class Config(_Strict):
    """The whole file."""

    endpoint: str = Field(pattern=r"^https?://[^/\s]+$", description="the store, as http[s]://HOST[:PORT]")
    region: str = "us-east-1"
    timeout_seconds: float = Field(default=10.0, gt=0, le=120, description="the longest one operation takes")
    canary: Canary
    check_seconds: float = Field(default=30.0, ge=5, le=3600, description="time between two looks at the buckets")
    usage_url: str | None = Field(
        default=None, pattern=r"^https?://\S+$", description="SeaweedFS' own metrics; else RGW's headers or a listing"
    )
    listing_requests: int = Field(
        default=10, ge=1, le=1000, description="list requests a look may cost where the store has no figures of its own"
    )


class Retention(_Strict):
    """Default retention."""

    mode: str
    days: int


class Declared(BaseModel):
    """What one bucket should be; None: not declared, not compared."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)

    object_lock: bool | None = None
    retention: Retention | None = None
    versioning: str | None = None
    lifecycle: list[dict[str, Any]] | None = None
    policy: dict[str, Any] | None = None
    capacity_bytes: int | None = None
    quota_bytes: int | None = None


class Declaration(_Strict):
    """The file that the deploying program writes."""

    buckets: dict[str, Declared] = Field(min_length=1)


def declaration(path: Path) -> Declaration:
    """Read the declaration (JSON). Raises ConfigError with one line per fault."""
    try:
        return Declaration.model_validate(json.loads(path.read_text()))
    except (OSError, ValueError) as error:
        if isinstance(error, ValidationError):
            lines = [f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            raise ConfigError("\n".join(lines)) from None
        reason = error.strerror if isinstance(error, OSError) else f"is no JSON: {error}"
        raise ConfigError(f"{path}: {reason}") from None
