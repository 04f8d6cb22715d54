"""Property values survive the wire: secrets stay secret, unknown stays unknown."""

from typing import Any

import pytest
from google.protobuf import json_format, struct_pb2
from hypothesis import given
from hypothesis import strategies as st

from infra.providers.base.values import Secret, Unknown, decode, encode, has_secret, known, plain

KINDS = ("boolean", "number", "string", "array", "asset", "archive", "object")
leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False).filter(lambda number: not number.is_integer()),
    st.text(),
    st.sampled_from(KINDS).map(Unknown),
)
values = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4), inner.map(Secret)
    ),
    max_leaves=20,
)
properties = st.dictionaries(st.text(max_size=8), values, max_size=5)


@given(properties)
def test_properties_survive_the_wire(given_: dict[str, Any]) -> None:
    assert decode(struct_pb2.Struct.FromString(encode(given_).SerializeToString())) == given_


@given(properties)
def test_nothing_is_secret_in_plain_properties(given_: dict[str, Any]) -> None:
    assert not has_secret(plain(given_))
    assert known(plain(given_)) == known(given_)


def test_a_whole_number_is_an_integer_and_a_boolean_stays_one() -> None:
    decoded = decode(json_format.ParseDict({"port": 80, "ratio": 0.5, "on": True}, struct_pb2.Struct()))
    assert {name: type(value) for name, value in decoded.items()} == {"port": int, "ratio": float, "on": bool}


def test_a_secret_does_not_show_itself() -> None:
    assert "hunter2" not in repr({"password": Secret("hunter2")})


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"value": 1.0}, 1),
        ({"value": 1.0, "secret": True}, Secret(1)),
        ({}, Unknown()),
        ({"secret": True, "dependencies": ["urn"]}, Secret(Unknown())),
    ],
)
def test_an_output_value_becomes_what_it_stands_for(fields: dict[str, Any], expected: Any) -> None:
    output = {"4dabf18193072939515e22adb298388d": "d0e6a833031e9bbcd3f4e8bde6ca49a4", **fields}
    assert decode(json_format.ParseDict({"a": output}, struct_pb2.Struct())) == {"a": expected}


def test_what_has_no_form_on_the_wire_is_refused_without_showing_it() -> None:
    with pytest.raises(TypeError, match="a bytes is no property value"):
        encode({"a": b"secret"})
