"""The front door: DIMSE, DIMSE over TLS and HTTPS, and who is let in."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import generate_uid

from infra.components import prober
from tests.e2e.environment import Deployed, eventually, patched
from tests.peers.dcmtk import BIN

pytestmark = pytest.mark.timeout(1800)


def echo(
    deployed: Deployed, *options: str, calling: str = "VNAOPS_LOAD", tls: bool = False
) -> subprocess.CompletedProcess[str]:
    door = deployed.outputs["dicomTls" if tls else "dicom"]
    return deployed.run(
        str(BIN / "echoscu"),
        "-v",
        "-aet",
        calling,
        "-aec",
        door["aeTitle"],
        "-to",
        "10",
        *options,
        door["host"],
        str(door["port"]),
        check=False,
    )


def test_a_registered_modality_gets_an_echo(deployed: Deployed) -> None:
    assert echo(deployed).returncode == 0


def test_an_unknown_calling_ae_title_is_rejected(deployed: Deployed) -> None:
    done = echo(deployed, calling="STRANGER")
    assert done.returncode != 0
    assert "Calling AE Title Not Recognized" in done.stdout + done.stderr


def test_an_echo_over_tls_proves_the_environments_certificate(deployed: Deployed) -> None:
    assert echo(deployed, "+tla", "+cf", str(deployed.ca_file), tls=True).returncode == 0


def test_https_without_a_password_is_refused(deployed: Deployed) -> None:
    assert deployed.https("/dicom-web/studies?limit=1", authorized=False)[0] == 401


def test_https_shows_dicomweb_and_nothing_else_of_the_archive(deployed: Deployed) -> None:
    assert deployed.https("/dicom-web/studies?limit=1")[0] in (200, 204)
    for path in ("/", "/instances", "/app/explorer.html", "/ready", "/dicom-web-not"):
        assert deployed.https(path)[0] == 404, path


def test_what_a_modality_stores_comes_back_by_wado_uri_from_an_object_locked_bucket(
    deployed: Deployed, tmp_path: Path
) -> None:
    dataset = dcmread(get_testdata_file("CT_small.dcm", download=False))
    dataset.PatientID, dataset.PatientName = "VNAOPS-TEST-E2E", "VNAOPS^TEST"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.save_as(tmp_path / "ct.dcm")
    door = deployed.outputs["dicom"]
    deployed.run(
        str(BIN / "storescu"),
        "-aet",
        "VNAOPS_LOAD",
        "-aec",
        door["aeTitle"],
        door["host"],
        str(door["port"]),
        str(tmp_path / "ct.dcm"),
    )
    status, body = deployed.https(
        f"/wado?requestType=WADO&contentType=application/dicom&studyUID={dataset.StudyInstanceUID}"
        f"&seriesUID={dataset.SeriesInstanceUID}&objectUID={dataset.SOPInstanceUID}"
    )
    assert status == 200
    (tmp_path / "back.dcm").write_bytes(body)
    back = dcmread(tmp_path / "back.dcm")
    assert back.SOPInstanceUID == dataset.SOPInstanceUID
    assert back.PixelData == dataset.PixelData


def test_the_addresses_in_a_dicomweb_answer_can_be_fetched(deployed: Deployed) -> None:
    status, body = deployed.https("/dicom-web/studies?limit=1")
    assert status == 200
    address = json.loads(body)[0]["00081190"]["Value"][0]
    assert address.startswith(deployed.outputs["dicomWeb"]["url"] + "/studies/")
    assert (
        deployed.https(address.removeprefix(deployed.outputs["dicomWeb"]["url"].removesuffix("/dicom-web")))[0] == 200
    )


def test_the_door_stays_open_without_the_exporter_of_its_log_and_is_counted_again_afterwards(
    deployed: Deployed,
) -> None:
    def door() -> list[tuple[str, str, int]]:
        """The balancer's pods: name, whether it is ready, restarts."""
        return [
            (
                pod["metadata"]["name"],
                next(one["status"] for one in pod["status"]["conditions"] if one["type"] == "Ready"),
                sum(one["restartCount"] for one in pod["status"]["containerStatuses"]),
            )
            for pod in deployed.objects("pods", "--selector=app.kubernetes.io/name=load-balancer")
        ]

    def counted() -> bool:
        deployed.https("/dicom-web/studies?limit=1")
        return deployed.log_lines("transaction") > 0

    before = door()
    assert [ready for _, ready, _ in before] == ["True"]
    deployed.kubectl("scale", "deployment/http-log-exporter", "--replicas=0")
    try:
        eventually(lambda: not deployed.pods("http-log-exporter"), 60, "the exporter is gone")
        for _ in range(20):
            assert deployed.https("/dicom-web/studies?limit=1")[0] in (200, 204)
        assert echo(deployed).returncode == 0
        assert echo(deployed, "+tla", "+cf", str(deployed.ca_file), tls=True).returncode == 0
        assert door() == before
    finally:
        deployed.kubectl("scale", "deployment/http-log-exporter", "--replicas=1")
        deployed.kubectl("rollout", "status", "deployment/http-log-exporter", "--timeout=120s")
    eventually(counted, 60, "requests are counted by the new exporter")


def test_every_probe_through_the_front_door_succeeds(deployed: Deployed) -> None:
    for module in prober.TARGETS:
        query = f'dicom_probe_success{{job="dicom-{module}"}} == 1'
        eventually(lambda query=query: len(deployed.prometheus(query)) == 1, 90, query)  # type: ignore[misc]
        (duration,) = deployed.prometheus(f'dicom_probe_duration_seconds{{job="dicom-{module}"}}')
        assert 0 < float(duration["value"][1]) < 10


def test_an_archive_that_can_not_call_the_prober_fails_those_probes_and_holds_up_no_other(deployed: Deployed) -> None:
    def results(wanted: int) -> Callable[[], bool]:
        query = f'dicom_probe_success{{module=~"move|commitment"}} == {wanted}'
        return lambda: len(deployed.prometheus(query)) == 2

    (policy,) = [one for one in deployed.objects("networkpolicies") if one["metadata"]["name"] == prober.APP_NAME]
    receiver = [{"port": prober.RECEIVER_PORT, "protocol": "TCP"}]
    closed = [rule for rule in policy["spec"]["ingress"] if rule["ports"] != receiver]
    assert len(closed) == len(policy["spec"]["ingress"]) - 1
    eventually(results(1), 150, "both succeed")
    with patched(deployed, "networkpolicy", prober.APP_NAME, {"spec": {"ingress": closed}}):
        eventually(results(0), 150, "both have failed at their deadline")
        assert not deployed.prometheus('dicom_probe_success{module!~"move|commitment"} == 0')
        (slowest,) = deployed.prometheus('max(dicom_probe_duration_seconds{module!~"move|commitment"})')
        assert float(slowest["value"][1]) < 10
    eventually(results(1), 150, "both succeed again")


def test_the_archive_s_answers_do_not_wait_for_delayed_acknowledgements(deployed: Deployed) -> None:
    query = 'dicom_probe_stall_suspected{job="dicom-echo"}'
    eventually(lambda: len(deployed.prometheus(query)) == 1, 90, query)
    (suspected,) = deployed.prometheus(f"max_over_time({query}[10m])")
    assert suspected["value"][1] == "0"


def test_prometheus_hears_every_component(deployed: Deployed) -> None:
    jobs = {
        "dicom-exporter",
        "archive",
        "archive-storage",
        "load-balancer",
        "database",
        "object-store",
        "prometheus",
    } | {"dimse-tap", "s3-exporter", "alertmanager", "http-log-exporter"}
    eventually(lambda: jobs <= {r["metric"]["job"] for r in deployed.prometheus("up == 1")}, 90, "every component up")
    assert not [r["metric"] for r in deployed.prometheus("up == 0")]
