"""Names that a program leaves open."""

import re
from typing import Any

import pytest

from infra.providers.base.provider import Autonaming
from infra.providers.base.values import Secret, Unknown
from infra.providers.kubernetes.naming import NameMissingError, is_autonamed, with_name

SEED = b"0123456789abcdef"


def named(news: dict[str, Any], olds: dict[str, Any] | None = None, autonaming: Autonaming | None = None) -> Any:
    return with_name(news, olds or {}, "web", SEED, autonaming)


def test_a_generated_name_has_the_resources_name_and_eight_digits_and_is_marked() -> None:
    inputs = named({"kind": "ConfigMap"})
    assert re.fullmatch(r"web-[0-9a-f]{8}", inputs["metadata"]["name"])
    assert is_autonamed(inputs)


def test_the_same_seed_gives_the_same_name() -> None:
    assert named({}) == named({})
    assert with_name({}, {}, "web", b"other", None) != named({})
    assert with_name({}, {}, "web", b"", None) != with_name({}, {}, "web", b"", None)


@pytest.mark.parametrize("metadata", [{"name": "mine"}, {"generateName": "mine-"}, {"name": Unknown()}])
def test_a_name_that_the_program_gives_stays(metadata: dict[str, Any]) -> None:
    assert named({"metadata": metadata}) == {"metadata": metadata}


def test_a_generated_name_is_kept_by_an_update_with_the_programs_annotations() -> None:
    first = named({"metadata": {"annotations": {"a": "1"}}})
    again = with_name({"metadata": {"annotations": {"a": "2"}}}, first, "web", b"another seed", None)
    assert again["metadata"]["name"] == first["metadata"]["name"]
    assert again["metadata"]["annotations"] == {"a": "2", "pulumi.com/autonamed": "true"}


def test_a_name_that_the_program_gave_once_is_not_kept_when_it_is_left_out() -> None:
    assert is_autonamed(named({}, {"metadata": {"name": "mine"}}))


def test_unknown_metadata_is_left_alone() -> None:
    assert named({"metadata": Unknown()}) == {"metadata": Unknown()}
    assert not is_autonamed({"metadata": Unknown()})


def test_secret_metadata_is_understood() -> None:
    assert named({"metadata": Secret({"name": "mine"})}) == {"metadata": Secret({"name": "mine"})}


def test_a_stack_can_propose_names_or_forbid_generated_ones() -> None:
    assert named({}, None, Autonaming("PROPOSE", "dev-web"))["metadata"]["name"] == "dev-web"
    with pytest.raises(NameMissingError, match="the stack's autonaming is off: give it a name"):
        named({}, None, Autonaming("DISABLE", ""))
