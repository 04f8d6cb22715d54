"""A CustomResourceDefinition is ready when the API server serves it."""

from infra.providers.kubernetes.client import Client
from infra.providers.kubernetes.waiting.state import Object, State, condition, said


def definition(client: Client, obj: Object) -> State:  # noqa: ARG001  (the signature of all conditions)
    """Names that are taken by another definition are a failure."""
    names = condition(obj, "NamesAccepted")
    if names.get("status") == "False":
        return State(False, "Waiting for its names to be accepted", True, [said(names)])
    return State(condition(obj, "Established").get("status") == "True", "Waiting for the kind to be served")
