"""What `pulumi.com/waitFor` can say: `jsonpath={.status.phase}=Running`, `jsonpath={.spec.x}`, `condition=Ready`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from infra.providers.kubernetes.annotations import AnnotationError
from infra.providers.kubernetes.waiting.state import Object, State, condition

_STEP = re.compile(
    r"""\.(?P<field>[A-Za-z0-9_-]+)
    | \[(?P<place>-?\d+|\*)\]
    | \[['"](?P<quoted>[^'"]+)['"]\]
    | \[\?\(@\.(?P<key>[A-Za-z0-9_.-]+)\s*==\s*['"](?P<wanted>[^'"]*)['"]\)\]""",
    re.VERBOSE,
)


def expression(text: str, obj: Object) -> State:
    """Whether the expression holds for the object. Raises `AnnotationError` for what is no expression."""
    form, _, rest = text.partition("=")
    if form == "condition" and rest:
        kind, _, wanted = rest.partition("=")
        found = str(condition(obj, kind).get("status", ""))
        return _state(f"condition {kind}", (wanted or "True").lower(), [found.lower()] if found else [])
    matched = re.fullmatch(r"\{(?P<path>[^}]+)\}(?:=(?P<wanted>.+))?", rest)
    if form == "jsonpath" and matched:
        return _state("{" + matched["path"] + "}", matched["wanted"], _values(obj, matched["path"]))
    raise AnnotationError(
        f"annotation pulumi.com/waitFor: {text!r} is neither jsonpath={{.field}}[=value] nor condition=Type[=status]"
    )


def _state(what: str, wanted: str | None, found: list[Any]) -> State:
    shown = ", ".join(f'"{value}"' for value in found)
    goal = what if wanted is None else f"{what}={wanted}"
    if found and (wanted is None or any(_text(value) == wanted for value in found)):
        return State(True, f"Found {goal}")
    return State(False, f"Waiting for {goal}" + (f" (found {shown})" if found else ""))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _values(obj: Any, path: str) -> list[Any]:
    steps, at = [], 0
    while at < len(path):
        step = _STEP.match(path, at)
        if not step:
            raise AnnotationError(
                f"annotation pulumi.com/waitFor: the path {path!r} is not understood at {path[at:]!r}"
            )
        steps.append(step)
        at = step.end()
    values = [obj]
    for step in steps:
        values = [inner for value in values for inner in _inner(value, step)]
    return [value for value in values if value is not None]


def _inner(value: Any, step: re.Match[str]) -> Iterator[Any]:
    if (name := step["field"] or step["quoted"]) is not None:
        if isinstance(value, Mapping) and name in value:
            yield value[name]
    elif isinstance(value, list):
        if step["key"]:
            for item in value:
                if _values(item, "." + step["key"]) == [step["wanted"]]:
                    yield item
        elif step["place"] == "*":
            yield from value
        elif -len(value) <= int(step["place"]) < len(value):
            yield value[int(step["place"])]
