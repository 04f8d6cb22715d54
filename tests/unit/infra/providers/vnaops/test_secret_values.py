"""Secrets are as long as asked for, from the alphabet, and new each time."""

from hypothesis import given
from hypothesis import strategies as st

from infra.providers.vnaops.secret_values import ALPHANUMERIC, bits, random_value


@given(length=st.integers(1, 200), alphabet=st.text(min_size=1, max_size=80))
def test_a_secret_has_the_length_and_only_characters_of_the_alphabet(length: int, alphabet: str) -> None:
    value = random_value(length, alphabet)
    assert len(value) == length
    assert set(value) <= set(alphabet)


def test_a_character_that_is_listed_twice_is_not_drawn_more_often() -> None:
    drawn = random_value(20_000, "a" * 99 + "b")
    assert 9_000 < drawn.count("b") < 11_000


def test_two_secrets_differ() -> None:
    assert random_value(32) != random_value(32)


def test_entropy_counts_distinct_characters() -> None:
    assert bits(32, ALPHANUMERIC) > 190
    assert bits(10, "aabb") == 10
    assert bits(10, "") == 0
