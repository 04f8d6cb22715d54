"""Test patients: who they are, and that nobody else is taken for one."""

from collections import Counter
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from loadtests.profiles.instance import as_file
from loadtests.profiles.patient import KANJI, LATIN_1, UTF_8, is_test_patient, make_patient, patient_number
from tests.unit.loadtests.profiles.radiology import study


def test_the_same_person_comes_again_in_another_run_under_another_id() -> None:
    one, other = make_patient("a", 1, 5), make_patient("b", 1, 5)

    assert (one.name, one.birth_date, one.sex) == (other.name, other.birth_date, other.sex)
    assert one.patient_id != other.patient_id
    assert make_patient("a", 1, 5) == one


def test_patients_return_as_often_as_in_public_collections() -> None:
    visits = Counter(patient_number(1, study) for study in range(1, 20_001))

    assert 2.4 < 20_000 / len(visits) < 2.6  # studies of a patient
    assert max(visits.values()) > 20  # a few come again and again
    assert sum(count == 1 for count in visits.values()) > len(visits) / 2


@given(st.integers(0, 2**32), st.integers(1, 10**6))
def test_a_patient_was_never_first_seen_after_the_study(seed: int, number: int) -> None:
    first = patient_number(seed, number)

    assert 1 <= first <= number
    assert patient_number(seed, first) <= first


def test_character_sets_come_in_their_proportions() -> None:
    found = Counter(make_patient("a", 1, number).character_set for number in range(2000))

    assert found[LATIN_1] / 2000 == pytest.approx(0.70, abs=0.04)
    assert found[UTF_8] / 2000 == pytest.approx(0.20, abs=0.04)
    assert found[KANJI] / 2000 == pytest.approx(0.10, abs=0.03)


@pytest.mark.parametrize("character_set", [LATIN_1, UTF_8, KANJI])
def test_names_survive_their_character_set_whoever_reads_them(character_set: str | tuple[str, ...]) -> None:
    numbers = (
        number for number in range(1, 500) if study("mr", 1, number=number).patient.character_set == character_set
    )
    for number in (next(numbers), next(numbers), next(numbers)):
        made = study("mr", 1, number=number)

        data_set = dcmread(BytesIO(b"".join(as_file(next(made.instances())))))

        assert str(data_set.PatientName) == made.patient.name
        assert len(data_set.PatientName.alphabetic) <= 64
        assert is_test_patient(data_set.PatientID, str(data_set.PatientName))
    if character_set == KANJI:
        assert data_set.PatientName.ideographic
        assert data_set.PatientName.phonetic
        assert b"\x1b$B" in b"".join(next(made.instances()).buffers[:1])  # the escape to JIS X 0208


@pytest.mark.parametrize(
    ("patient_id", "name"),
    [
        ("4711", "VNAOPS^TEST^Anne Weiß"),
        ("VNAOPS-TEST-1234567-0000001", "Weiß^Anne"),
        ("VNAOPS-TEST-1234567-0000001", "VNAOPS^TESTER"),
        ("xVNAOPS-TEST-1", "VNAOPS^TEST"),
        ("VNAOPS-TEST-1", ""),
        ("", ""),
    ],
)
def test_who_is_not_marked_twice_is_no_test_patient(patient_id: str, name: str) -> None:
    assert not is_test_patient(patient_id, name)


@given(st.text(), st.integers(0, 1000), st.integers(1, 10**7 - 1))
def test_every_patient_that_we_make_is_known_as_one_and_fits_its_elements(run: str, seed: int, number: int) -> None:
    made = make_patient(run, seed, number)

    assert is_test_patient(made.patient_id, made.name)
    assert len(made.patient_id) <= 64
