"""Which studies the cleaning takes for a test patient's; what it doesn't understand it leaves alone."""

from typing import Any

import pytest

from loadtests.users.cleaning import _marked


def match(patient_id: str, name: object) -> dict[str, Any]:
    return {
        "0020000D": {"vr": "UI", "Value": ["1.2.3"]},
        "00100020": {"vr": "LO", "Value": [patient_id]},
        "00100010": {"vr": "PN", "Value": [name]},
    }


@pytest.mark.parametrize(
    "name", [{"Alphabetic": "VNAOPS^TEST^Ruth Kern"}, {"Alphabetic": "VNAOPS^TEST", "Ideographic": "山田^太郎"}]
)
def test_a_test_patients_study_is_known_by_both_marks(name: object) -> None:
    assert _marked(match("VNAOPS-TEST-ABC-1", name)) == "1.2.3"


@pytest.mark.parametrize(
    "data_set",
    [
        match("12345", {"Alphabetic": "VNAOPS^TEST^Ruth Kern"}),
        match("VNAOPS-TEST-ABC-1", {"Alphabetic": "Kern^Ruth"}),
        match("VNAOPS-TEST-ABC-1", {}),
        match("VNAOPS-TEST-ABC-1", "VNAOPS^TEST"),
        {"00100020": {"Value": ["VNAOPS-TEST-ABC-1"]}},
        {"00100020": 3},
        {},
    ],
)
def test_anything_else_is_left_alone(data_set: dict[str, Any]) -> None:
    assert _marked(data_set) == ""
