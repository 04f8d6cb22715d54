"""Encapsulated documents and structured reports, read back by other programs."""

import subprocess
from pathlib import Path

import pytest
from highdicom.sr import ContentSequence
from pydicom import Dataset

from loadtests.dataset import fingerprint
from loadtests.profiles import catalogue
from loadtests.profiles.instance import as_file
from tests.unit.loadtests.profiles.radiology import head, read, study

NAMES = ("sr", "pdf")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_announced_is_what_the_file_holds(name: str) -> None:
    instances = [*study(name, 20).instances(), *study(name, 20, number=4).instances()]

    for instance in instances:
        data = b"".join(instance.buffers)
        found = fingerprint(data)
        assert (found.sop_instance_uid, found.pixel_sha256) == (instance.sop_instance_uid, instance.pixel_sha256)
        assert len(data) == instance.size
    assert len({one.pixel_sha256 for one in instances}) == 40


@pytest.mark.parametrize("name", [*NAMES, "slide-small", "video-clip"])
def test_the_same_seed_and_run_make_the_same_bytes(name: str) -> None:
    def made() -> list[tuple[bytes, str]]:
        return [(bytes(one.buffers[0]), one.pixel_sha256) for one in study(name, 3).instances()]

    before = made()
    catalogue.profile.cache_clear()

    assert made() == before


@pytest.mark.parametrize("name", [*NAMES, "slide-small", "video-clip"])
def test_the_patient_is_marked_as_a_tests(name: str) -> None:
    made = head(next(study(name).instances())) if name != "pdf" else read(next(study(name).instances()))

    assert made.PatientID.startswith("VNAOPS-TEST-")
    assert str(made.PatientName).startswith("VNAOPS^TEST")
    assert not any(element.tag.is_private for element in made)


@pytest.mark.parametrize("name", [*NAMES, "slide", "video"])
def test_a_drawn_study_has_no_empty_series(name: str) -> None:
    for number in range(1, 30):
        sizes = study(name, None, number=number).series_sizes()
        assert sizes
        assert min(sizes) >= 1


def test_documents_are_pdf_files_of_one_to_nine_pages() -> None:
    counts = []
    for made in (read(one) for one in study("pdf", 8).instances()):
        document = bytes(made.EncapsulatedDocument)
        assert document.startswith(b"%PDF-")
        assert b"%%EOF" in document[-1024:]
        assert made.MIMETypeOfEncapsulatedDocument == "application/pdf"
        counts.append(document.count(b"/Type /Page\n"))

    assert counts == [1, 1, 1, 2, 2, 3, 5, 9]


def test_reports_are_a_tree_that_highdicom_and_dcmtk_can_read(tmp_path: Path) -> None:
    for number, instance in enumerate(study("sr", 16).instances()):
        made = read(instance)
        items = ContentSequence.from_sequence(made.ContentSequence, is_root=False)
        assert len(items.find(_coded("121058", "Procedure reported"))) == 1

        file = tmp_path / f"{number}.dcm"
        file.write_bytes(b"".join(as_file(instance)))
        shown = subprocess.run(["/usr/bin/dsrdump", str(file)], capture_output=True, text=True, check=True)
        title = "Diagnostic Imaging Report" if number % 2 else "X-Ray Radiation Dose Report"
        assert f'"{title}")=SEPARATE>' in shown.stdout
        assert "E: " not in shown.stderr


def _coded(value: str, meaning: str) -> Dataset:
    from highdicom.sr import CodedConcept

    return CodedConcept(value, "DCM", meaning)
