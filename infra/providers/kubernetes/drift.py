"""What became of the inputs in the cluster: `refresh` shows them as they are now."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from infra.providers.base.values import Secret

_QUANTITY = re.compile(r"([+-]?[0-9]*\.?[0-9]+)(m|k|[KMGTPE]i?|[eE][+-]?[0-9]+)?")
_SUFFIX = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(1000)}
_SUFFIX |= {unit: Decimal(1000) ** power for power, unit in enumerate("MGTPE", 2)}
_SUFFIX |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)}


_QUANTITIES = frozenset({"capacity", "hard", "limits", "requests", "sizeLimit"})


def live_inputs(inputs: Any, live: Any, *, quantities: bool = False) -> Any:
    """The inputs with the cluster's values: only what the program had given, in its shape and order.

    Quantities that the server writes differently but means the same (`0.5` and `500m`) stay as they were given. What is
    gone is absent; what others added is not the program's and stays out. A secret input stays a secret.
    """
    if isinstance(inputs, Secret):
        return Secret(live_inputs(inputs.value, live))
    if isinstance(inputs, Mapping) and isinstance(live, Mapping):
        return {
            name: live_inputs(given, live.get(name, given), quantities=quantities or name in _QUANTITIES)
            for name, given in inputs.items()
            if live.get(name) is not None or not _given(given)
        }
    if isinstance(inputs, list) and isinstance(live, list) and _of_maps(inputs) and _of_maps(live):
        return [live_inputs(mine, theirs) for mine, theirs in _pairs(inputs, live)]
    return inputs if inputs == live or (quantities and _same(inputs, live)) else live


def _of_maps(values: list[Any]) -> bool:
    return all(isinstance(value, Mapping) for value in values)


def _pairs(inputs: list[Any], live: list[Any]) -> list[tuple[Any, Any]]:
    """Which of the entries are the same: those of the same name, as containers and volumes have one; else by place."""
    if all("name" in one for one in (*inputs, *live)):
        named = {one["name"]: one for one in live}
        return [(one, named[one["name"]]) for one in inputs if one["name"] in named]
    return list(zip(inputs, live, strict=False))


def _given(value: Any) -> bool:
    return value is not None and value not in ({}, [])


def _same(given: Any, live: Any) -> bool:
    one, other = _quantity(given), _quantity(live)
    return one is not None and one == other


def _quantity(value: Any) -> Decimal | None:
    """A resource quantity as a number; Kubernetes takes `1`, `"1"`, `"1000m"` for one and the same."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    matched = _QUANTITY.fullmatch(str(value))
    if not matched:
        return None
    number, suffix = matched.groups(default="")
    if suffix[:1] in ("e", "E") and len(suffix) > 1 and not suffix.endswith("i"):
        return Decimal(number + suffix)
    return Decimal(number) * _SUFFIX[suffix]
