"""Versions as programs print them."""

import re

from infra.node.tools.catalogue import OnPath


def find(text: str) -> tuple[int, ...] | None:
    """The first thing in `text` that looks like a version, for example (1, 34, 3) in `Client Version: v1.34.3-rc.1`."""
    found = re.search(r"(?<![\w.])v?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part) for part in found.groups() if part) if found else None


def suits(version: tuple[int, ...], rule: OnPath) -> bool:
    """Whether the version is in the half-open range of the rule."""
    return rule.at_least <= version < rule.below


def spell(version: tuple[int, ...]) -> str:
    """`1.34.3`"""
    return ".".join(map(str, version))
