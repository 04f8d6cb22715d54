"""Secrets are folded, marked wherever they appear, and scrubbed from messages."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infra.providers.base.values import Secret, Unknown
from infra.providers.kubernetes.secret_data import LAST_APPLIED, folded, marked, marked_like, scrubbed


def secret(**fields: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", **fields}


def test_string_data_becomes_data_and_all_of_it_is_secret() -> None:
    inputs = folded(secret(stringData={"user": "u", "password": Secret("p")}, data={"key": "eHk="}))
    assert inputs == secret(data=Secret({"key": "eHk=", "user": "dQ==", "password": "cA=="}))


def test_what_is_not_known_yet_is_folded_later() -> None:
    inputs = folded(secret(stringData={"password": Unknown()}))
    assert inputs == secret(stringData=Secret({"password": Unknown()}))


def test_other_kinds_are_left_as_they_are() -> None:
    others = {"apiVersion": "example.test/v1", "kind": "Secret", "data": {"a": "b"}}
    assert folded(others) == others
    assert marked(others) == others


def test_kubectls_copy_of_a_secret_is_secret_too() -> None:
    live = secret(data={"a": "eA=="}, metadata={"annotations": {LAST_APPLIED: "{...}", "b": "c"}})
    assert marked(live)["metadata"]["annotations"] == {LAST_APPLIED: Secret("{...}"), "b": "c"}


def test_what_is_secret_in_the_inputs_is_secret_in_the_object() -> None:
    inputs = {"env": [{"name": "a", "value": Secret("x")}, {"name": "b", "value": "y"}]}
    live = {"env": [{"name": "a", "value": "x"}, {"name": "b", "value": "y"}], "status": {}}
    assert marked_like(live, inputs)["env"] == [{"name": "a", "value": Secret("x")}, {"name": "b", "value": "y"}]


@given(st.text(alphabet="abcdefgh", min_size=4), st.text(alphabet="xyz ", max_size=20))
def test_no_secret_is_left_in_a_message(value: str, words: str) -> None:
    message = scrubbed(f"{words}{value}{words}", {"spec": {"env": [{"value": Secret(value)}]}})
    assert value not in message


def test_a_secrets_value_is_hidden_plain_and_encoded() -> None:
    message = scrubbed("hunter2 is aHVudGVyMg==", secret(data={"k": "aHVudGVyMg=="}))
    assert message == "[secret] is [secret]"
