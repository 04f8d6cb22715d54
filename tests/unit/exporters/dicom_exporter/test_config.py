"""The configuration file: one invalid file per rule, with the exact message."""

from pathlib import Path

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from exporters import dicom_exporter
from exporters.dicom_exporter.config import ConfigError, StoreModule, load
from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober import PROBERS
from exporters.dicom_exporter.target import Target

DATA = Path(__file__).with_name("testdata")
AE_TITLE_RULE = "1 to 16 printable ASCII characters, no backslash"


def test_a_correct_file_is_loaded_with_its_defaults() -> None:
    config = load(DATA / "correct.yaml")

    assert config.modules["echo"].timeout_seconds == 10
    assert config.modules["echo"].calling_ae_title == "VNAOPS_PROBE"
    large = config.modules["store_large"]
    assert isinstance(large, StoreModule)
    assert (large.patient.id, large.rows, large.timeout_seconds) == ("TEST-1", 512, 30)


def test_the_readmes_example_is_correct(tmp_path: Path) -> None:
    readme = Path(dicom_exporter.__file__).with_name("README.md").read_text()
    (tmp_path / "example.yaml").write_text(readme.split("```yaml\n")[1].split("```")[0])

    assert set(load(tmp_path / "example.yaml").modules) == set(PROBERS)


def test_the_readme_names_every_result_and_metric() -> None:
    readme = Path(dicom_exporter.__file__).with_name("README.md").read_text()
    probe = Probe(["connect"], structlog.get_logger())
    probe.status, probe.negotiated_pdu_length = 0, 0
    names = {family.name for family in text_string_to_metric_families(probe.exposition().decode())}

    assert [name for name in [*names, *Outcome] if f"`{name}" not in readme] == []


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("archive:11112", True),
        ("ARCHIVE:11112", True),
        ("archive:11113", False),
        ("pacs.clinic.example:104", True),
        ("clinic.example:104", False),
        ("archive:111121", False),
        ("[fd00::1]:104", True),
        ("[fd00::2]:104", False),
        ("scanner-01:104", True),
        ("scanner-1:104", False),
    ],
)
def test_only_targets_on_the_list_are_allowed(target: str, allowed: bool) -> None:
    assert load(DATA / "correct.yaml").allows(target) is allowed


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_targets", ":1: targets: List should have at least 1 item after validation, not 0"),
        ("no_modules", ":1: modules: Field required"),
        (
            "unknown_prober",
            ":4: modules.find: Input tag 'find' found using 'prober' does not match any of the expected tags: "
            "'echo', 'store'",
        ),
        ("no_prober", ":4: modules.echo: Unable to extract tag using discriminator 'prober'"),
        ("long_ae_title", f":5: modules.echo.called_ae_title: 'ARCHIVE_OF_THE_CLINIC' is no AE title: {AE_TITLE_RULE}"),
        ("no_called_ae_title", ":4: modules.echo.called_ae_title: Field required"),
        ("unknown_key", ":6: modules.echo.password: Extra inputs are not permitted"),
        ("patient_of_an_echo", ":6: modules.echo.patient: Extra inputs are not permitted"),
        (
            "bad_patient",
            ":7: modules.store.patient.id: has to be printable ASCII without a backslash\n"
            ":8: modules.store.patient.name: String should have at least 1 character",
        ),
        ("zero_timeout", ":6: modules.echo.timeout_seconds: Input should be greater than 0"),
        ("huge_image", ":6: modules.store.rows: Input should be less than or equal to 4096"),
        ("bad_target", ":1: targets.1: Input should be a valid string"),
        ("no_yaml", ":2: is no YAML: expected ',' or ']', but got '<scalar>'"),
        ("a_list", ":1: the file has to be a mapping with the keys targets and modules"),
        ("empty", ":1: the file has to be a mapping with the keys targets and modules"),
        ("absent", ": can't be read: No such file or directory"),
    ],
    ids=lambda value: value if value.isidentifier() else "",
)
def test_a_bad_file_is_refused_with_line_key_and_reason(name: str, said: str) -> None:
    path = DATA / f"{name}.yaml"

    with pytest.raises(ConfigError) as raised:
        load(path)

    assert str(raised.value).splitlines() == [f"{path}{line}" for line in said.splitlines()]


def test_a_secret_in_the_wrong_place_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as raised:
        load(DATA / "unknown_key.yaml")

    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("archive:104", Target("archive", 104)),
        ("10.0.0.1:11112", Target("10.0.0.1", 11112)),
        ("[fd00::1]:104", Target("fd00::1", 104)),
    ],
)
def test_a_target_is_host_and_port(text: str, target: Target) -> None:
    assert Target.parse(text) == target
    assert str(target) == text


@pytest.mark.parametrize("text", ["archive", "archive:", ":104", "fd00::1:104", "archive:0", "a:65536", "a:x", " a:1"])
def test_what_is_no_target_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not HOST:PORT|has no port within 1 to 65535"):
        Target.parse(text)
