"""The deployed prober's configuration."""

import json
from pathlib import Path

from exporters.dicom_exporter import config, modules
from exporters.dicom_exporter.probe_patient import PROBE_PATIENT_ID
from infra.components import prober

MADE = prober.configuration("ARCHIVE", "load-balancer.vnaops-x.svc.cluster.local")


def test_the_exporter_takes_its_configuration_and_every_module_has_its_job(tmp_path: Path) -> None:
    file = tmp_path / "dicom-exporter.yaml"
    file.write_text(json.dumps(MADE))
    loaded = config.load(file)
    jobs = {job["params"]["module"][0]: job["params"]["target"][0] for job in prober.jobs(15)}
    assert set(loaded.modules) == set(jobs)
    assert all(loaded.allows(target) for target in jobs.values())
    assert not loaded.allows("elsewhere:104")


def test_what_c_move_sends_goes_to_the_prober_s_own_entry_in_the_registry() -> None:
    entity = prober.entity("vnaops-x")
    assert MADE["receiver"] == {"listen_address": f":{entity.port}", "ae_title": entity.ae_title}
    assert entity.host == "dicom-exporter.vnaops-x.svc.cluster.local"
    assert {MADE["modules"][name]["calling_ae_title"] for name in ("move", "commitment")} == {entity.ae_title}


def test_what_a_probe_by_c_move_is_sent_is_the_one_instance_that_it_has_stored() -> None:
    assert MADE["modules"]["move"]["prober"] == "round-trip"
    assert MADE["modules"]["move"]["retrieve"] == "move"


def test_it_stores_for_the_patient_that_the_archive_knows_as_the_prober_s() -> None:
    assert modules.Patient().id == PROBE_PATIENT_ID
    assert not [name for name, module in MADE["modules"].items() if "patient" in module], "the default, everywhere"
    assert {MADE["modules"][name]["match"]["PatientID"] for name in ("find", "qido-rs")} == {PROBE_PATIENT_ID}


def test_a_probe_that_writes_and_reads_back_comes_once_a_minute_and_has_time() -> None:
    for job in prober.jobs(15):
        slow = job["params"]["module"][0] in prober.SLOW
        assert job.get("scrape_interval") == ("60s" if slow else None)
    assert {job.get("scrape_interval") for job in prober.jobs(120)} == {"120s", None}


def test_the_password_is_read_from_a_file() -> None:
    assert MADE["modules"]["wado-rs"]["basic_auth"] == {"username": "vnaops", "password_file": prober.PASSWORD}
