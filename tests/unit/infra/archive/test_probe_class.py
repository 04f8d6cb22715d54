"""Which files are of class probe: the prober's own, and nothing of which there is any doubt (under the sanitizers)."""

import subprocess
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from pydicom.datadict import tag_for_keyword

from exporters.dicom_exporter.probe_patient import PROBE_PATIENT_ID
from exporters.dimse import uids
from tests.peers.probe_files import NEAR_MISSES, probe_file

ROOT = Path(__file__).parents[4]
Classify = Callable[[bytes], str]


@pytest.fixture(scope="module")
def classify() -> Iterator[Classify]:
    """The class that the archive keeps these bytes in."""
    folder = ROOT / "build" / "archive" / "address-undefined"
    make = ["make", "-C", str(ROOT / "infra" / "archive"), "-j2", f"BUILD={folder}", "SANITIZE=address,undefined"]
    made = subprocess.run([*make, f"{folder}/classify"], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr[:4000]
    with subprocess.Popen(
        [folder / "classify", PROBE_PATIENT_ID], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr

        def ask(file: bytes) -> str:
            assert process.stdin
            assert process.stdout
            assert process.stderr
            process.stdin.write(b"%d\n" % len(file) + file)
            process.stdin.flush()
            answer = process.stdout.readline().decode().strip()
            assert answer, process.stderr.read().decode(errors="replace")
            return answer

        yield ask
        process.stdin.close()
        assert process.wait(60) == 0, process.stderr.read().decode(errors="replace")


def is_marked(file: bytes) -> bool:
    """Whether pydicom, which knows nothing of the archive's rules, finds both elements and one of the two syntaxes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of mutated values
        read = pydicom.dcmread(BytesIO(file))
        return (
            str(read.file_meta.TransferSyntaxUID) in {uids.IMPLICIT_VR_LITTLE_ENDIAN, uids.EXPLICIT_VR_LITTLE_ENDIAN}
            and read.get("PatientID") == PROBE_PATIENT_ID
            and read.get("QualityControlSubject") == "YES"
        )


@pytest.mark.parametrize("syntax", [uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN])
def test_what_the_prober_stores_is_a_probe_in_both_of_its_transfer_syntaxes(classify: Classify, syntax: str) -> None:
    file = probe_file(syntax)
    assert is_marked(file)
    assert classify(file) == "probe"


@pytest.mark.parametrize("near_miss", NEAR_MISSES)
def test_a_near_miss_is_ordinary(classify: Classify, near_miss: str) -> None:
    assert classify(NEAR_MISSES[near_miss]()) == "ordinary"


@pytest.mark.parametrize("syntax", [uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN])
def test_a_probe_that_ends_within_an_element_is_ordinary(classify: Classify, syntax: str) -> None:
    file = probe_file(syntax, rows=4, columns=4)
    elements_behind = [
        one for one in pydicom.dcmread(BytesIO(file)) if one.tag > tag_for_keyword("QualityControlSubject")
    ]
    probes = [length for length in range(len(file)) if classify(file[:length]) == "probe"]
    assert len(probes) == len(elements_behind), "cut between two elements, behind both that count"
    assert classify(file + b"\0") == "ordinary"


PROBES = [
    probe_file(one, rows=4, columns=4) for one in (uids.EXPLICIT_VR_LITTLE_ENDIAN, uids.IMPLICIT_VR_LITTLE_ENDIAN)
]
OTHERS = [make() for make in NEAR_MISSES.values()]
PIECES = [
    b"DICM", b"LO", b"CS", b"UN", b"SQ", b"YES ", PROBE_PATIENT_ID.encode(), b"\x10\x00\x20\x00",
    b"\x10\x00\x00\x02", b"\x02\x00\x10\x00", b"\xfe\xff\x00\xe0", b"\xff\xff\xff\xff", b"\x0c\x00", b"\x00\x00",
]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A file with some of its first bytes overwritten, and maybe taken out or pushed apart."""
    file = bytearray(draw(st.sampled_from(PROBES) | st.sampled_from(OTHERS)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, min(len(file), 900)))
        piece = draw(st.sampled_from(PIECES) | st.binary(min_size=1, max_size=4))
        act = draw(st.sampled_from(["overwrite", "overwrite", "overwrite", "insert", "remove"]))
        file[at : at + (0 if act == "insert" else len(piece))] = b"" if act == "remove" else piece
    return bytes(file)


@settings(max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=mutated())
def test_no_mutation_crashes_it_or_makes_a_probe_of_what_is_not_marked(classify: Classify, file: bytes) -> None:
    found = classify(file)
    event(found)
    if found == "probe":
        assert is_marked(file)


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.lists(st.sampled_from(PIECES) | st.binary(max_size=6), max_size=40).map(b"".join))
def test_no_bytes_after_a_prefix_crash_it(classify: Classify, body: bytes) -> None:
    assert classify(bytes(128) + b"DICM" + body) == "ordinary"
