"""The configuration file: one invalid file per rule, with the exact message."""

from pathlib import Path

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from exporters import dicom_exporter
from exporters.dicom_exporter.config import ConfigError, load
from exporters.dicom_exporter.modules import DimseModule, StoreModule
from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.prober import PROBERS
from exporters.dicom_exporter.target import Target

DATA = Path(__file__).with_name("testdata")
AE_TITLE_RULE = "1 to 16 printable ASCII characters, no backslash"


def test_a_correct_file_is_loaded_with_its_defaults() -> None:
    config = load(DATA / "correct.yaml")

    echo = config.modules["echo"]
    assert isinstance(echo, DimseModule)
    assert (echo.timeout_seconds, echo.calling_ae_title, echo.tls) == (10, "VNAOPS_PROBE", None)
    assert config.limits.concurrent_probes == 500
    large = config.modules["store_large"]
    assert isinstance(large, StoreModule)
    assert (large.patient.id, large.rows, large.timeout_seconds) == ("TEST-1", 512, 30)


def test_the_readmes_example_is_correct(tmp_path: Path) -> None:
    readme = Path(dicom_exporter.__file__).with_name("README.md").read_text()
    (tmp_path / "example.yaml").write_text(readme.split("```yaml\n")[1].split("```")[0])

    modules = load(tmp_path / "example.yaml").modules
    assert {module.prober for module in modules.values()} == set(PROBERS)


def test_the_readme_names_every_result_and_metric() -> None:
    readme = Path(dicom_exporter.__file__).with_name("README.md").read_text()
    probe = Probe(["connect"], structlog.get_logger())
    probe.status = probe.negotiated_pdu_length = probe.accepted_contexts = probe.results = probe.http_status = 0
    probe.tls_version, probe.certificate_not_after, probe.time_to_first_result = "TLSv1.3", 0.0, 0.0
    probe.suboperations, probe.stall_suspected = {"completed": 1}, False
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
    ("target", "called", "calling"),
    [
        ("special:104", "SPECIAL", "FRIEND"),
        ("SPECIAL:104", "SPECIAL", "FRIEND"),
        ("scanner:104", "S", "VNAOPS_PROBE"),
        ("archive:104", "ARCHIVE", "VNAOPS_PROBE"),
    ],
)
def test_a_targets_own_ae_titles_come_before_the_modules(target: str, called: str, calling: str) -> None:
    config = load(DATA / "ae_titles_by_target.yaml")

    module = config.module_for("echo", target)

    assert isinstance(module, DimseModule)
    assert (module.called_ae_title, module.calling_ae_title) == (called, calling)
    assert config.module_for("qido", target) is config.modules["qido"]
    assert config.allows(target)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no_targets", ":1: targets: there has to be one at least"),
        ("no_modules", ":1: modules: Field required"),
        (
            "unknown_prober",
            ":4: modules.finder: Input tag 'finder' found using 'prober' does not match any of the expected tags: "
            "'echo', 'store', 'find', 'get', 'move', 'commitment', 'round-trip', 'qido-rs', 'wado-rs', 'wado-uri', "
            "'stow-rs'",
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
        (
            "targets_of_another_form",
            ":1: targets: has to be a list of HOST:PORT, or a mapping of HOST:PORT to AE titles",
        ),
        ("bad_title_of_target", rf":4: targets.archive:104.called_ae_title: 'A\\B' is no AE title: {AE_TITLE_RULE}"),
        ("no_room", ":3: limits.concurrent_probes: Input should be greater than or equal to 1"),
        ("bad_receiver", ":2: receiver.listen_address: '11113' is not [HOST]:PORT"),
        (
            "key_without_certificate",
            ":7: modules.m.tls: key_file cannot be set without cert_file: a key alone is no identity",
        ),
        (
            "ca_of_unverified",
            ":6: modules.m.tls: ca_file cannot be set when insecure_skip_verify is on: nothing is verified then",
        ),
        ("unknown_tls_key", ":7: modules.m.tls.password: Extra inputs are not permitted"),
        (
            "move_without_receiver",
            ":3: modules: m cannot be used without the section receiver: C-MOVE sends to it",
        ),
        (
            "round_trip_by_move_without_receiver",
            ":3: modules: m cannot be used without the section receiver: C-MOVE sends to it",
        ),
        (
            "round_trip_without_wado",
            ":4: modules.m: the section wado_rs belongs to retrieve: wado-rs, and that needs it",
        ),
        ("unknown_level", ":6: modules.m.level: Input should be 'patient', 'study', 'series', 'image' or 'worklist'"),
        (
            "unknown_keyword",
            ":7: modules.m.match.PatientsName: 'PatientsName' is no keyword of a DICOM attribute (PS3.6)",
        ),
        (
            "text_for_a_sequence",
            ":7: modules.m.match: ScheduledProcedureStepSequence is a sequence: its value has to be a mapping",
        ),
        ("mapping_for_a_text", ":7: modules.m.match: PatientID is no sequence: its value has to be a text"),
        (
            "more_wanted_than_taken",
            ":4: modules.m: min_results cannot be more than max_results: the query is cancelled before",
        ),
        (
            "retrieval_of_everything",
            ":7: modules.m.match: Dictionary should have at least 1 item after validation, not 0",
        ),
        ("bad_uid", ":5: modules.m.instance.series: '1.02' is no valid UID"),
        (
            "two_identities",
            ":4: modules.m: bearer_token_file cannot be set with basic_auth: a request has one Authorization",
        ),
        (
            "bad_path",
            ":5: modules.m.path: has to be empty or a path like /dicom-web, without a slash at its end",
        ),
        (
            "password_in_the_file",
            ":6: modules.m.basic_auth.password_file: Field required\n"
            ":7: modules.m.basic_auth.password: Extra inputs are not permitted",
        ),
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


@pytest.mark.parametrize("name", ["unknown_key", "unknown_tls_key", "password_in_the_file"])
def test_a_secret_in_the_wrong_place_is_not_repeated(name: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(DATA / f"{name}.yaml")

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
