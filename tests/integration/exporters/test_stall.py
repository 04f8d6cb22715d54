"""The 44 ms stall is seen with real peers that have it, and not with the same ones that have it not."""

import asyncio

from exporters.dicom_exporter.config import Config
from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import Probe
from exporters.dicom_exporter.runner import Runner
from exporters.dicom_exporter.target import Target
from tests.peers.dcmtk import storescp
from tests.peers.orthanc import orthanc
from tests.peers.pynetdicom_scp import pynetdicom_scp

CONFIG = Config.model_validate(
    {
        "targets": ["127.0.0.1:*"],
        "modules": {name: {"prober": name, "called_ae_title": "PYNETDICOM"} for name in ("echo", "store")},
    }
)
TRIES = 20  # one answer that a busy machine delays makes the answer "no": Prometheus asks again too


def probed(port: int, module: str = "echo") -> Probe:
    done = asyncio.run(Runner(CONFIG).probe(Target("127.0.0.1", port), module, 20))
    assert done.outcome is Outcome.ACCEPTED, done.log
    return done


def suspected(done: Probe) -> str:
    (line,) = [line for line in done.exposition().decode().splitlines() if line.startswith("dicom_probe_stall_susp")]
    return line


def first_suspected(port: int) -> Probe:
    """The first probe that suspects it."""
    for _ in range(TRIES):
        done = probed(port)
        if suspected(done) == "dicom_probe_stall_suspected 1.0":
            return done
    raise AssertionError(f"{TRIES} probes saw no stall: {done.log}")


def test_dcmtk_with_nagle_is_suspected_and_the_cure_is_told() -> None:
    with storescp(no_delay=False) as server:
        done = first_suspected(server.port)
    told = [values["cure"] for _, event, values in done.log if event == "stall suspected"]
    assert told == ["TCP_NODELAY=1 for the target"]
    assert "TCP_NODELAY=1 in the target's environment" in done.exposition().decode()


def test_orthanc_with_nagle_is_suspected() -> None:
    with orthanc(environment={"TCP_NODELAY": "0"}) as server:
        assert first_suspected(server.dicom_port).phases["request"] > 0.03


def test_the_same_peers_without_nagle_are_not() -> None:
    with storescp() as server:
        assert suspected(probed(server.port)) == "dicom_probe_stall_suspected 0.0"
    with orthanc() as archive:
        assert suspected(probed(archive.dicom_port)) == "dicom_probe_stall_suspected 0.0"


def test_a_peer_that_writes_its_answer_at_once_is_not() -> None:
    with pynetdicom_scp() as server:
        assert suspected(probed(server.port)) == "dicom_probe_stall_suspected 0.0"


def test_a_store_says_nothing_of_it() -> None:
    with storescp() as server:
        assert probed(server.port, "store").stall_suspected is None
