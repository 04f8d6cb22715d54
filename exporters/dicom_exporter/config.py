"""The configuration file: which probes there are, which targets they may go to, and how many at a time."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationInfo, field_validator

from exporters import configuration
from exporters.addresses import listen_address
from exporters.configuration import ConfigError
from exporters.dicom_exporter.modules import AeTitle, DimseModule, Module, MoveModule, RoundTripModule, Strict

__all__ = ["AeTitles", "Config", "ConfigError", "Limits", "Receiver", "load"]


@cache
def _pattern(target: str) -> re.Pattern[str]:
    """Not fnmatch: the brackets of an IPv6 address are a set of characters there."""
    return re.compile(re.escape(target).replace(r"\*", ".*").replace(r"\?", "."), re.IGNORECASE)


def _listen_address(text: str) -> str:
    listen_address(text)
    return text


class AeTitles(Strict):
    """The AE titles for a target, instead of the module's."""

    called_ae_title: AeTitle | None = None
    calling_ae_title: AeTitle | None = None


class Limits(Strict):
    """What the exporter takes upon itself."""

    concurrent_probes: int = Field(
        default=500, ge=1, le=100_000, description="Probes at a time; what is asked beyond that is answered 503 at once"
    )


class Receiver(Strict):
    """The prober's own SCP, to which C-MOVE sends and storage commitment reports."""

    listen_address: Annotated[str, AfterValidator(_listen_address)] = Field(
        default=":11113", description="[HOST]:PORT; port 0: any free one"
    )
    ae_title: AeTitle = Field(default="VNAOPS_PROBE", description="Its AE title, the destination of C-MOVE")


def _form(targets: object) -> str | None:
    if isinstance(targets, dict):
        return "mapping"
    return "list" if isinstance(targets, list) else None


_Patterns = Annotated[
    Annotated[list[str], Tag("list")] | Annotated[dict[str, AeTitles | None], Tag("mapping")],
    Discriminator(
        _form,
        custom_error_type="targets_form",
        custom_error_message="has to be a list of HOST:PORT, or a mapping of HOST:PORT to AE titles",
    ),
]


class Config(Strict):
    """The whole file."""

    targets: _Patterns = Field(
        description="HOST:PORT that may be probed; * and ? stand for any characters, '*' for any target. A list, or a "
        "mapping to AE titles; the first pattern that a target matches counts"
    )
    limits: Limits = Field(default_factory=Limits)
    receiver: Receiver | None = Field(default=None, description="Needed for C-MOVE")
    modules: dict[str, Module] = Field(min_length=1, description="Probes by the name that ?module= asks for")

    @field_validator("targets")
    @classmethod
    def _some(cls, targets: Any) -> Any:
        if not targets:
            raise ValueError("there has to be one at least")
        return targets

    @field_validator("modules")
    @classmethod
    def _receivable(cls, modules: dict[str, Module], info: ValidationInfo) -> dict[str, Module]:
        if info.data.get("receiver") is None:
            for name, module in modules.items():
                moves = isinstance(module, MoveModule) or (
                    isinstance(module, RoundTripModule) and module.retrieve == "move"
                )
                if moves:
                    raise ValueError(f"{name} cannot be used without the section receiver: C-MOVE sends to it")
        return modules

    def allows(self, target: str) -> bool:
        """Whether the target is on the list."""
        return any(_pattern(one).fullmatch(target) for one in self.targets)

    def module_for(self, name: str, target: str) -> Module:
        """The module with the AE titles that the target has for itself. Raises KeyError if there is no such module."""
        module = self.modules[name]
        if not isinstance(self.targets, dict) or not isinstance(module, DimseModule):
            return module
        titles = next((titles for one, titles in self.targets.items() if _pattern(one).fullmatch(target)), None)
        return module if titles is None else module.model_copy(update=titles.model_dump(exclude_none=True))


def load(path: Path) -> Config:
    """Read and check the file. Raises ConfigError: it can't be read, is no YAML, or breaks a rule."""
    return configuration.load(path, Config)
