"""The configuration file: which probes there are, and which targets they may go to."""

import re
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from exporters.dimse.pdu import encode_ae_title


class ConfigError(Exception):
    """The file can't be used; one line per reason: file, line, key, reason."""


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
    """Read and check the file.

    Raises:
        ConfigError: it can't be read, is no YAML, or breaks a rule.
    """
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not UTF-8"
        raise ConfigError(f"{path}: can't be read: {reason}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: is no YAML: {error.problem}") from None
    except yaml.YAMLError:
        raise ConfigError(f"{path}: is no YAML: it has characters that YAML does not allow") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}:1: the file has to be a mapping with the keys targets and modules")
    try:
        return Config.model_validate(content)
    except ValidationError as error:
        raise ConfigError(
            "\n".join(_said(path, root, found["loc"], found["msg"]) for found in error.errors())
        ) from None


def _said(path: Path, root: yaml.Node | None, location: tuple[int | str, ...], message: str) -> str:
    """One line; pydantic puts a module's prober into the location, where the file has no such key: it is left out."""
    keys, node = [], root
    for part in location:
        child = _child(node, part)
        if child is not None:
            node = child
        elif part != location[-1]:
            continue
        keys.append(str(part))
    line = node.start_mark.line + 1 if node is not None else 1
    return f"{path}:{line}: {'.'.join(keys)}: {message.removeprefix('Value error, ')}"


def _child(node: yaml.Node | None, key: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for name, value in node.value if name.value == key), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
        found: yaml.Node = node.value[key]
        return found
    return None
