"""Derived UIDs."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from exporters.dimse.uids import is_valid
from loadtests.profiles.uids import LENGTH, derive


@given(st.text(max_size=20), st.integers(0, 10**6), st.integers(0, 10**4))
def test_a_derived_uid_is_valid_of_one_length_and_a_uuid_of_version_8(run: str, study: int, instance: int) -> None:
    uid = derive(run, study, instance)

    assert is_valid(uid)
    assert len(uid) == LENGTH
    assert uuid.UUID(int=int(uid.removeprefix("2.25."))).version == 8


def test_the_same_run_and_path_make_the_same_uid_and_any_other_another() -> None:
    assert derive("a", 1, 2) == derive("a", 1, 2)
    assert len({derive(run, *path) for run in ("a", "b") for path in ((1,), (2,), (1, 2), (12,))}) == 8
