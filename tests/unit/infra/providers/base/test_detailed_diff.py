"""Differences are named by their parts, in the paths that Pulumi shows."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.providers.base.detailed_diff import Change, differences, path_text
from infra.providers.base.values import Secret, Unknown

plain_values = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def shown(old: Any, new: Any) -> dict[str, Change]:
    return {path_text(path): change for path, change in differences(old, new).items()}


@given(plain_values)
def test_a_value_does_not_differ_from_itself_secret_or_not(value: Any) -> None:
    assert differences(value, value) == {}
    assert differences(Secret(value), value) == {}


@given(plain_values, plain_values)
def test_the_way_back_names_the_same_parts(old: Any, new: Any) -> None:
    back = {Change.ADD: Change.DELETE, Change.DELETE: Change.ADD, Change.UPDATE: Change.UPDATE}
    assert {path: back[change] for path, change in differences(old, new).items()} == differences(new, old)


@given(plain_values, plain_values)
def test_equal_and_different_are_never_confused(old: Any, new: Any) -> None:
    assert bool(differences({"v": old}, {"v": new})) == (
        repr(old) != repr(new) and not (old == new and _same(old, new))
    )


def _same(old: Any, new: Any) -> bool:
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_same(old[name], new[name]) for name in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_same(a, b) for a, b in zip(old, new, strict=True))
    return type(old) is type(new) and bool(old == new)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            {"spec": {"ports": [{"port": 80}]}},
            {"spec": {"ports": [{"port": 81}]}},
            {"spec.ports[0].port": Change.UPDATE},
        ),
        ({"verbs": ["get"]}, {"verbs": ["get", "list"]}, {"verbs[1]": Change.ADD}),
        ({"verbs": ["get", "list"]}, {"verbs": ["get"]}, {"verbs[1]": Change.DELETE}),
        ({"metadata": {"labels": {"a": "1"}}}, {"metadata": {}}, {"metadata.labels": Change.DELETE}),
        ({}, {"data": {"a": "1", "b": "2"}}, {"data": Change.ADD}),
        ({"a": {"b": 1}}, {"a": [1]}, {"a": Change.UPDATE}),
        ({"on": True}, {"on": 1}, {"on": Change.UPDATE}),
        ({"n": 1}, {"n": 1.0}, {}),
        ({"a": "x"}, {"a": Unknown()}, {"a": Change.UPDATE}),
        ({"a": Unknown()}, {"a": Unknown()}, {"a": Change.UPDATE}),
        ({}, {"a": Unknown()}, {"a": Change.ADD}),
        ({"a": Secret({"k": "1"})}, {"a": {"k": "2"}}, {"a.k": Change.UPDATE}),
        ({"labels": {}}, {"labels": {"app.example/x": "1"}}, {'labels["app.example/x"]': Change.ADD}),
    ],
)
def test_parts_are_named_as_pulumi_shows_them(old: Any, new: Any, expected: dict[str, Change]) -> None:
    assert shown(old, new) == expected
