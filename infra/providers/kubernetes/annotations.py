"""The annotations by which a program tells the plug-in how to treat an object (prefix `pulumi.com/`)."""

import json
from collections.abc import Mapping
from typing import Any

AUTONAMED = "pulumi.com/autonamed"
PREFIX = "pulumi.com/"


class AnnotationError(Exception):
    """An annotation has a value that means nothing; the message says which ones do."""


def of(inputs: Mapping[str, Any], name: str) -> str | None:
    """The value of `pulumi.com/NAME` in an object's inputs."""
    metadata = inputs.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    value = annotations.get(PREFIX + name) if isinstance(annotations, Mapping) else None
    return value if isinstance(value, str) else None


def flag(inputs: Mapping[str, Any], name: str) -> bool:
    """Whether `pulumi.com/NAME` is "true"."""
    return of(inputs, name) == "true"


def timeout(inputs: Mapping[str, Any]) -> float | None:
    """`pulumi.com/timeoutSeconds`. Raises `AnnotationError`."""
    value = of(inputs, "timeoutSeconds")
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if seconds < 0:
        raise AnnotationError(f"annotation pulumi.com/timeoutSeconds is {value!r}: it must be a number of seconds")
    return seconds


def propagation(inputs: Mapping[str, Any]) -> str:
    """`pulumi.com/deletionPropagationPolicy`: what a deletion does with dependents. Raises `AnnotationError`."""
    value = of(inputs, "deletionPropagationPolicy") or "foreground"
    policies = {"foreground": "Foreground", "background": "Background", "orphan": "Orphan"}
    if value.lower() not in policies:
        known = ", ".join(policies)
        raise AnnotationError(
            f"annotation pulumi.com/deletionPropagationPolicy is {value!r}: it must be one of {known}"
        )
    return policies[value.lower()]


def wait_for(inputs: Mapping[str, Any]) -> list[str]:
    """The expressions of `pulumi.com/waitFor`: one, or a JSON list of them. Raises `AnnotationError`."""
    value = of(inputs, "waitFor")
    if not value:
        return []
    if not value.lstrip().startswith("["):
        return [value]
    try:
        listed = json.loads(value)
    except ValueError:
        listed = None
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise AnnotationError("annotation pulumi.com/waitFor begins like a list but is no JSON list of strings")
    return listed
