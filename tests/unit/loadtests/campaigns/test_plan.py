"""Campaign files."""

from pathlib import Path

import pytest

from loadtests.campaigns import plan as plans
from loadtests.campaigns.plan import Operation, PlanError

GOOD = """\
name: own
title: A campaign of our own
studies:
  - {profile: ct, count: 4, instances: 10}
  - profile: us
    count: 2
    instances: 1
users:
  c_store: 2
thresholds:
  C-STORE: {failures: 0}
"""


def test_the_campaign_that_ships_is_valid_and_bounded() -> None:
    first = plans.load("first")

    assert first.name == "first"
    assert first.limit_seconds <= 90
    assert {kind.profile for kind in first.studies} == {"ct", "mr", "us"}
    assert min(first.users.c_store, first.users.stow_rs, first.users.c_get, first.users.wado_rs) >= 1
    assert set(first.thresholds) == set(Operation)


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(GOOD)

    assert plans.load(str(file)).studies[1].profile == "us"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: own", "name: Own!", "line 1: name: String should match pattern"),
        ("    count: 2", "    count: 0", "line 6: studies.1.count: Input should be greater than or equal to 1"),
        ("profile: us", "profile: xa", "line 5: studies.1.profile: Input should be 'ct', 'mr' or 'us'"),
        ("  c_store: 2", "  c_store: 0", "line 8: users: Value error, c_store and stow_rs cannot both be 0"),
        ("C-STORE:", "C-MOVE:", "line 11: thresholds.C-MOVE.[key]: Input should be 'C-STORE'"),
        ("{failures: 0}", "{failure: 0}", "line 11: thresholds.C-STORE.failure: Extra inputs are not permitted"),
        ("title: A campaign of our own\n", "", "line 1: title: Field required"),
        ("users:", "users: [", "line 10: no YAML: "),
        (GOOD, "", "line 1: the whole: Input should be a valid dictionary"),
    ],
)
def test_a_wrong_field_is_refused_with_file_line_field_and_reason(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    file = tmp_path / "own.yaml"
    assert old in GOOD
    file.write_text(GOOD.replace(old, new))

    with pytest.raises(PlanError) as refused:
        plans.load(str(file))

    assert str(refused.value).startswith(f"{file}, {said}")


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(PlanError, match=r"there is no campaign 'frist': one of first, or the path of a .yaml file"):
        plans.load("frist")


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(PlanError, match=r"nowhere\.yaml: No such file or directory"):
        plans.load("nowhere.yaml")


@pytest.mark.parametrize(("total", "counts"), [(6, [4, 2]), (12, [8, 4]), (3, [2, 1]), (1, [1])])
def test_another_number_of_studies_keeps_the_proportions(tmp_path: Path, total: int, counts: list[int]) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(GOOD)

    assert [kind.count for kind in plans.load(str(file)).with_studies(total).studies] == counts
