"""Studies around a profile."""

from datetime import UTC, datetime

import pytest

from loadtests.profiles import catalogue
from loadtests.profiles.study import Study, new_run
from tests.unit.loadtests.profiles.radiology import MOMENT, SEED, head, study


def test_what_is_drawn_depends_on_the_seed_and_not_on_the_run() -> None:
    a, b, c = study("ct", None, run="a"), study("ct", None, run="b"), study("ct", None, run="a", seed=8)

    assert a.series_sizes() == b.series_sizes() != c.series_sizes()
    assert a.uid != b.uid
    assert a.uid != c.uid
    assert a.accession_number != b.accession_number


def test_another_run_makes_other_uids_and_other_pixels() -> None:
    both = [list(study("mr", 6, run=run).instances()) for run in ("a", "b")]

    assert not {one.sop_instance_uid for one in both[0]} & {one.sop_instance_uid for one in both[1]}
    assert not {one.pixel_sha256 for one in both[0]} & {one.pixel_sha256 for one in both[1]}


@pytest.mark.parametrize("number", [1, 999_999, 9_999_999])
def test_an_accession_number_has_sixteen_characters(number: int) -> None:
    assert len(study("mr", 1, number=number).accession_number) == 16


def test_as_many_instances_come_as_were_asked_for() -> None:
    for count in (1, 2, 3, 7, 1200):
        asked = study("mr", count)
        assert asked.instance_count == count == sum(asked.series_sizes())
        assert len(list(asked.instances())) == count


@pytest.mark.parametrize("name", ["ct", "us", "mg-tomo"])
def test_the_estimate_of_bytes_is_near_what_is_sent(name: str) -> None:
    asked = study(name, 12)

    assert asked.bytes_estimate() == pytest.approx(sum(one.size for one in asked.instances()), rel=0.05)


def test_the_classes_are_those_of_the_instances() -> None:
    for name in ("us", "ct", "nm"):
        asked = study(name, 12)
        assert asked.sop_classes() == {one.sop_class_uid for one in asked.instances()}


def test_studies_of_one_patient_agree_about_the_patient() -> None:
    by_patient: dict[str, list[Study]] = {}
    for number in range(1, 40):
        one = study("mr", 1, number=number)
        by_patient.setdefault(one.patient_id, []).append(one)
    often = max(by_patient.values(), key=len)

    made = [head(next(one.instances())) for one in often]

    assert len(often) > 2
    assert len({(str(one.PatientName), one.PatientBirthDate, one.PatientSex) for one in made}) == 1
    assert len({one.StudyInstanceUID for one in made}) == len(often)


def test_moments_are_those_of_the_study_and_later_series_are_later() -> None:
    made = [head(one) for one in study("mr", 3).instances()]

    assert {(one.StudyDate, one.StudyTime) for one in made} == {("20260102", "030405")}
    times = [one.SeriesTime for one in made]
    assert times == sorted(times) and len(set(times)) == 3  # noqa: PT018  (one statement about one list)
    assert [one.AcquisitionTime for one in made] == times


def test_a_value_that_does_not_fit_its_place_is_refused() -> None:
    made = study("mr")._head(0, 0)

    with pytest.raises(ValueError, match="does not fit into the 6 bytes of element 00200013"):
        made.patch({0x00200013: "1000000"})


def test_runs_have_names_of_their_own() -> None:
    assert new_run() != new_run()


def test_a_study_says_what_it_is_without_its_pixels() -> None:
    made = Study(catalogue.profile("mr", SEED), "a run", 3, 6, MOMENT.astimezone(UTC), SEED)

    assert repr(made) == "Study('mr', 'a run', 3, 6, seed=7)"
    assert isinstance(made.performed, datetime)
