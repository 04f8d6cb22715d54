"""Resource types, and those that are refused in words."""

import pytest

from infra.providers.kubernetes.tokens import Token, parse, refusal, split_id


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("kubernetes:core/v1:Pod", Token("v1", "Pod", False)),
        ("kubernetes:apps/v1:Deployment", Token("apps/v1", "Deployment", False)),
        (
            "kubernetes:rbac.authorization.k8s.io/v1:Role",
            Token("rbac.authorization.k8s.io/v1", "Role", False),
        ),
        ("kubernetes:example.test/v1:Thing", Token("example.test/v1", "Thing", False)),
        ("kubernetes:core/v1:ConfigMapPatch", Token("v1", "ConfigMap", True)),
        ("kubernetes:example.test/v1:OsPatch", Token("example.test/v1", "OsPatch", False)),
    ],
)
def test_a_type_stands_for_an_api_version_and_a_kind(token: str, expected: Token) -> None:
    assert parse(token) == expected


def test_the_inputs_tell_a_patch_from_a_kind_of_that_name() -> None:
    assert parse("kubernetes:example.test/v1:OsPatch", "Os") == Token("example.test/v1", "Os", True)
    assert parse("kubernetes:example.test/v1:OsPatch", "OsPatch") == Token("example.test/v1", "OsPatch", False)


@pytest.mark.parametrize(
    ("token", "what"),
    [
        ("kubernetes:helm.sh/v3:Release", "Helm can't be used"),
        ("kubernetes:helm.sh/v4:Chart", "Helm can't be used"),
        ("kubernetes:helm:template", "Helm can't be used"),
        ("kubernetes:kustomize/v2:Directory", "Kustomize can't be used"),
        ("kubernetes:kustomize:directory", "Kustomize can't be used"),
        ("kubernetes:yaml/v2:ConfigFile", r"YAML files (ConfigFile, ConfigGroup) can't be used"),
        ("kubernetes:yaml:decode", r"YAML files (ConfigFile, ConfigGroup) can't be used"),
        ("kubernetes:core/v1:ConfigMapList", "a list is no object. Write its items as resources"),
    ],
)
def test_what_is_not_served_is_refused_with_what_to_do(token: str, what: str) -> None:
    assert what in (refusal(token) or "")


def test_everything_else_is_served() -> None:
    assert refusal("kubernetes:core/v1:ConfigMap") is None


def test_an_id_is_a_namespace_and_a_name() -> None:
    assert split_id("rec/named") == ("rec", "named")
    assert split_id("rec") == (None, "rec")
