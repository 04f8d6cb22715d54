"""The classes that a program uses say what the provider's models say."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks

from infra.providers.vnaops import resources
from infra.providers.vnaops.kinds.kind import names_of
from infra.providers.vnaops.provider import KINDS, VnaopsProvider

EVERY_INPUT: dict[str, dict[str, Any]] = {
    "Bucket": {
        "bucket": "archive",
        "endpoint": "https://store",
        "region": "us-east-1",
        "profile": "dev",
        "object_lock": True,
        "versioning": True,
        "retention_mode": "GOVERNANCE",
        "retention_days": 1,
        "force_destroy": False,
        "ca_certificate": "PEM",
        "tags": {"owner_name": "PACS", "retention_days": "kept as it is"},
        "expire_tagged": {"class=probe": 1},
    },
    "Secret": {"length": 32, "alphabet": "abc", "keepers": {"since_when": "2026", "is_ca": "no"}},
    "Certificate": {
        "common_name": "archive",
        "dns_names": ["archive"],
        "ip_addresses": ["10.0.0.1"],
        "validity_days": 90,
        "renew_before_days": 30,
        "is_ca": False,
        "ca_certificate": "PEM",
        "ca_private_key": "PEM",
        "usages": ["serverAuth"],
    },
    "Credentials": {"profile": "dev", "access_key_id": "A", "secret_access_key": "B"},
}


class Recorder(mocks.Mocks):
    """Answers with the inputs and a value for all that is computed."""

    def __init__(self) -> None:
        self.inputs: dict[str, Any] = {}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.inputs = args.inputs
        return "id", dict.fromkeys(KINDS[args.typ].computed, "computed") | args.inputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    mocks.set_mocks(recorder)
    yield recorder
    asyncio.set_event_loop(None)
    loop.close()


def declared(kind: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The resource's attributes once it has registered."""
    outputs: dict[str, Any] = {}

    @pulumi.runtime.test  # type: ignore[untyped-decorator]  # published without types
    def run() -> pulumi.Output[Any]:
        made = getattr(resources, kind)("it", **inputs)
        attributes = {name: value for name, value in vars(made).items() if isinstance(value, pulumi.Output)}
        return pulumi.Output.all(**attributes).apply(lambda known: outputs.update(known))

    run()
    return outputs


@pytest.mark.parametrize("kind", list(EVERY_INPUT))
def test_every_input_of_the_model_can_be_given_and_arrives_by_its_name(kind: str, recorder: Recorder) -> None:
    outputs = declared(kind, EVERY_INPUT[kind])
    model = KINDS[f"vnaops:index:{kind}"].inputs
    assert set(recorder.inputs) == names_of(model)
    assert {name: outputs[name] for name in EVERY_INPUT[kind]} == EVERY_INPUT[kind]


@pytest.mark.parametrize("kind", list(EVERY_INPUT))
def test_every_computed_value_is_an_attribute(kind: str, recorder: Recorder) -> None:
    given = {name: value for name, value in EVERY_INPUT[kind].items() if "key" not in name}
    outputs = declared(kind, given)
    computed = KINDS[f"vnaops:index:{kind}"].computed
    assert sorted(value for value in outputs.values() if value == "computed") == ["computed"] * len(computed)


def test_keys_of_maps_are_left_as_they_are(recorder: Recorder) -> None:
    declared("Bucket", EVERY_INPUT["Bucket"])
    assert recorder.inputs["tags"] == EVERY_INPUT["Bucket"]["tags"]
    declared("Secret", EVERY_INPUT["Secret"])
    assert recorder.inputs["keepers"] == EVERY_INPUT["Secret"]["keepers"]


def test_the_schema_names_every_property_and_marks_what_is_secret() -> None:
    described = json.loads(VnaopsProvider().schema())["resources"]
    assert set(described) == set(KINDS)
    for token, kind in KINDS.items():
        assert set(described[token]["inputProperties"]) == names_of(kind.inputs)
        properties = described[token]["properties"]
        assert set(properties) == names_of(kind.inputs) | kind.computed
        assert {name for name, spec in properties.items() if spec.get("secret")} == kind.secret
