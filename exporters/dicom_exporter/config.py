"""The configuration file: which probes there are, and which targets they may go to."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from exporters import configuration
from exporters.configuration import ConfigError
from exporters.dimse.pdu import encode_ae_title


@cache
def _pattern(target: str) -> re.Pattern[str]:
    """Not fnmatch: the brackets of an IPv6 address are a set of characters there."""
    return re.compile(re.escape(target).replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE)


def _ae_title(title: str) -> str:
    return encode_ae_title(title).decode("ascii").strip()


def _person_text(text: str) -> str:
    if not text.isascii() or not text.isprintable() or "\\" in text:
        raise ValueError("has to be printable ASCII without a backslash")
    return text


AeTitle = Annotated[str, AfterValidator(_ae_title)]
PersonText = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_person_text)]


__all__ = ["Config", "ConfigError", "load"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Patient(_Strict):
    """The patient that stored instances belong to: an invented one, marked as a quality control subject."""

    id: PersonText = Field(default="VNAOPS-PROBE", description="Patient ID (0010,0020)")
    name: PersonText = Field(default="VNAOPS^PROBE", description="Patient's Name (0010,0010)")


class _Module(_Strict):
    calling_ae_title: AeTitle = Field(default="VNAOPS_PROBE", description="The AE title of the prober")
    called_ae_title: AeTitle = Field(description="The AE title of the target")
    timeout_seconds: float = Field(
        default=10.0, gt=0, le=300, description="The longest a probe takes, whatever the scrape allows"
    )


class EchoModule(_Module):
    """C-ECHO."""

    prober: Literal["echo"]


class StoreModule(_Module):
    """C-STORE of a new secondary capture instance."""

    prober: Literal["store"]
    patient: Patient = Field(default_factory=Patient)
    rows: int = Field(default=128, ge=1, le=4096, description="Rows of the stored image; one byte per pixel")
    columns: int = Field(default=128, ge=1, le=4096, description="Columns of the stored image")


Module = Annotated[EchoModule | StoreModule, Field(discriminator="prober")]


class Config(_Strict):
    """The whole file."""

    targets: list[str] = Field(
        min_length=1, description="HOST:PORT that may be probed; * and ? stand for any characters, '*' for any target"
    )
    modules: dict[str, Module] = Field(min_length=1, description="Probes by the name that ?module= asks for")

    def allows(self, target: str) -> bool:
        """Whether the target is on the list."""
        return any(_pattern(one).fullmatch(target) for one in self.targets)


def load(path: Path) -> Config:
    """Read and check the file. Raises ConfigError: it can't be read, is no YAML, or breaks a rule."""
    return configuration.load(path, Config)
