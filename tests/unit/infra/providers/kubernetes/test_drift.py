"""`refresh` shows the program's inputs as the cluster has them, and nothing that is not the program's."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.providers.base.values import Secret
from infra.providers.kubernetes.drift import live_inputs

values = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)
objects = st.dictionaries(st.text(max_size=3), values, max_size=4)


@given(objects)
def test_what_has_not_drifted_is_what_was_given(inputs: dict[str, Any]) -> None:
    assert live_inputs(inputs, inputs) == inputs


@given(objects, objects)
def test_what_others_add_stays_out(inputs: dict[str, Any], added: dict[str, Any]) -> None:
    assert live_inputs(inputs, {**added, **inputs}) == inputs


@given(objects, objects)
def test_inputs_never_gain_a_property(inputs: dict[str, Any], live: dict[str, Any]) -> None:
    assert live_inputs(inputs, live).keys() <= inputs.keys()


@pytest.mark.parametrize(
    ("inputs", "live", "expected"),
    [
        ({"replicas": 2}, {"replicas": 3}, {"replicas": 3}),
        ({"labels": {"a": "1", "b": "1"}}, {"labels": {"a": "1", "theirs": "1"}}, {"labels": {"a": "1"}}),
        ({"data": {"a": "1"}}, {}, {}),
        ({"emptyDir": {}}, {}, {"emptyDir": {}}),
        ({"args": ["a"]}, {"args": ["a", "b"]}, {"args": ["a", "b"]}),
        (
            {"volumes": [{"name": "v", "size": 1}]},
            {"volumes": [{"name": "injected"}, {"name": "v", "size": 2, "default": True}]},
            {"volumes": [{"name": "v", "size": 2}]},
        ),
        ({"ports": [{"port": 80}]}, {"ports": [{"port": 80, "protocol": "TCP"}]}, {"ports": [{"port": 80}]}),
        ({"requests": {"cpu": 0.5}}, {"requests": {"cpu": "500m"}}, {"requests": {"cpu": 0.5}}),
        ({"requests": {"storage": "1024Mi"}}, {"requests": {"storage": "1Gi"}}, {"requests": {"storage": "1024Mi"}}),
        ({"limits": {"memory": "1e3"}}, {"limits": {"memory": "1k"}}, {"limits": {"memory": "1e3"}}),
        ({"limits": {"memory": "1G"}}, {"limits": {"memory": "1Gi"}}, {"limits": {"memory": "1Gi"}}),
        ({"data": {"a": "1"}}, {"data": {"a": "1.0"}}, {"data": {"a": "1.0"}}),
        ({"data": Secret({"a": "x"})}, {"data": {"a": "y"}}, {"data": Secret({"a": "y"})}),
    ],
)
def test_drift_is_shown_in_the_programs_shape(inputs: Any, live: Any, expected: Any) -> None:
    assert live_inputs(inputs, live) == expected
