"""The form in which objects lie in Pulumi's state: the live object and three properties of the plug-in's own."""

from collections.abc import Mapping
from typing import Any

from infra.providers.base.values import Properties, plain
from infra.providers.kubernetes import secret_data

FIELD_MANAGER = "__fieldManager"
INITIAL_API_VERSION = "__initialApiVersion"
INPUTS = "__inputs"


def properties(obj: Properties, inputs: Properties, manager: str, initial_api_version: str) -> Properties:
    """What is kept of an object: as the official plug-in keeps it, so that either can carry the state on."""
    return {
        **secret_data.marked(secret_data.marked_like(obj, inputs)),
        FIELD_MANAGER: manager,
        INITIAL_API_VERSION: initial_api_version,
        INPUTS: secret_data.marked(inputs),
    }


def manager_of(state: Mapping[str, Any]) -> str | None:
    """The field manager under which the object was written; absent in states that never were in a cluster."""
    manager = plain(state.get(FIELD_MANAGER))
    return manager if isinstance(manager, str) and manager else None


def initial_api_version_of(state: Mapping[str, Any], obj: Mapping[str, Any]) -> str:
    """The API version that the object was created with."""
    return str(plain(state.get(INITIAL_API_VERSION)) or obj.get("apiVersion", ""))
