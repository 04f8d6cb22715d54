"""Data sets against the standard's tables of modules and attributes (PS3.3 annexes A and C), as highdicom ships them.

Conditions aren't in those tables: what is required always is checked here, at every depth.
"""

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import highdicom
import pytest
from pydicom import Dataset

from tests.unit.loadtests.profiles.radiology import NAMES, head, study

TABLES = Path(highdicom.__file__).parent / "_standard"


@cache
def table(name: str) -> Any:
    return json.loads((TABLES / f"{name}.json").read_text())


def attributes(sop_class: str) -> dict[tuple[str, ...], str]:
    """Types of the attributes of the class's mandatory modules, by path; the strictest where modules overlap."""
    found: dict[tuple[str, ...], str] = {}
    for module in table("iod_module_map")[table("sop_class_iod_map")[sop_class]]:
        if module["usage"] == "M":
            for attribute in table("module_attribute_map").get(module["key"], []):
                path = (*attribute["path"], attribute["keyword"])
                found[path] = min(found.get(path, "3"), attribute["type"])
    return found


def places(data_set: Dataset, path: tuple[str, ...]) -> Iterator[Dataset]:
    """The data sets in which the last element of the path belongs, as far as the sequences on its way are there."""
    if len(path) == 1:
        yield data_set
    else:
        for item in data_set.get(path[0]) or ():
            yield from places(item, path[1:])


def violations(data_set: Dataset) -> list[str]:
    found = []
    for path, kind in attributes(data_set.SOPClassUID).items():
        if path[0] == "PixelData" or (path[0].endswith("FunctionalGroupsSequence") and len(path) == 2):
            continue  # which functional groups there must be, and in which of both, the tables don't say
        for place in places(data_set, path):
            if kind in "12" and path[-1] not in place:
                found.append(f"{'/'.join(path)} of type {kind} is missing")
            elif kind == "1" and place[path[-1]].is_empty:
                found.append(f"{'/'.join(path)} of type 1 is empty")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_no_required_attribute_is_missing_or_empty(name: str) -> None:
    drawn = study(name, 12)
    kinds: dict[tuple[int, object], Dataset] = {}
    made = drawn.instances()
    for series, size in enumerate(drawn.series_sizes()):
        for number in range(size):
            kinds.setdefault((series, drawn.profile.kind(series, number)), head(next(made)))

    for data_set in kinds.values():
        assert violations(data_set) == []


def test_the_check_sees_what_is_missing_at_any_depth() -> None:
    data_set = head(next(study("mg").instances()))
    del data_set.PositionerType
    data_set.ImageLaterality = ""
    del data_set.ViewCodeSequence[0].ViewModifierCodeSequence

    assert violations(data_set) == [
        "ImageLaterality of type 1 is empty",
        "PositionerType of type 1 is missing",
        "ViewCodeSequence/ViewModifierCodeSequence of type 2 is missing",
    ]
