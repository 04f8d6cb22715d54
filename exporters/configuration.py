"""Reads a YAML configuration file into its pydantic model; what is wrong is said with file, line, key and reason."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


class ConfigError(Exception):
    """The file can't be used; one line per reason: file, line, key, reason."""


def load(path: Path, model: type[Model]) -> Model:
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
        needed = [name for name, field in model.model_fields.items() if field.is_required()]
        raise ConfigError(f"{path}:1: the file has to be a mapping with the keys {' and '.join(needed)}")
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise ConfigError(
            "\n".join(_said(path, root, found["loc"], found["msg"], found["type"]) for found in error.errors())
        ) from None


def _said(path: Path, root: yaml.Node | None, location: tuple[int | str, ...], message: str, kind: str) -> str:
    """One line; pydantic puts a module's prober into the location, where the file has no such key: it is left out.

    A key that is missing has none either, and is named.
    """
    keys, node = [], root
    for part in location:
        child = _child(node, part)
        if child is not None:
            node = child
        elif kind != "missing" or part != location[-1]:
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
