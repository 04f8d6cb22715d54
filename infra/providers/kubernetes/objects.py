"""What is done to an object's inputs before they are compared or written."""

from collections.abc import Mapping
from typing import Any

from infra.providers.base.values import Properties, Unknown

MANAGED_BY = "app.kubernetes.io/managed-by"


def tidied(news: Properties) -> Properties:
    """Without what means nothing: absent values, and empty labels and annotations."""
    tidied: Properties = _without_none(news)
    metadata = tidied.get("metadata")
    if isinstance(metadata, Mapping):
        kept = {name: value for name, value in metadata.items() if value != {} or name not in ("labels", "annotations")}
        tidied["metadata"] = kept
    return tidied


def _without_none(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _without_none(item) for name, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_none(item) for item in value]
    return value


def labelled(inputs: Properties) -> Properties:
    """With the label that tells what Pulumi manages, as client-side apply has it; server-side has field managers."""
    metadata = inputs.get("metadata") or {}
    labels = metadata.get("labels") or {} if isinstance(metadata, Mapping) else Unknown()
    if not isinstance(labels, Mapping):
        return inputs
    return {**inputs, "metadata": {**metadata, "labels": {**labels, MANAGED_BY: "pulumi"}}}


def without_default_namespace(inputs: Properties) -> Properties:
    """An object without a namespace lies in `default`: naming it there is no change."""
    metadata = inputs.get("metadata")
    if not isinstance(metadata, Mapping) or metadata.get("namespace") not in ("", "default"):
        return inputs
    return {**inputs, "metadata": {name: value for name, value in metadata.items() if name != "namespace"}}


def names(inputs: Mapping[str, Any]) -> tuple[Any, ...]:
    """What must differ for two objects to exist side by side."""
    metadata = inputs.get("metadata")
    if not isinstance(metadata, Mapping):
        return (object(),)  # unknown: equal to nothing
    return metadata.get("namespace"), metadata.get("name")


def identity(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The metadata that says which object it is."""
    metadata = obj["metadata"]
    return {name: metadata[name] for name in ("name", "namespace") if name in metadata}
