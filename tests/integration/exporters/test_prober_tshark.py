"""The prober's durations against those that Wireshark's dissector finds in a capture of the same traffic."""

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from exporters.dicom_exporter.outcome import Outcome
from exporters.dicom_exporter.probe import Probe
from tests.integration.exporters.probing import probed
from tests.peers import tshark
from tests.peers.dcmtk import storescp
from tests.peers.pynetdicom_scp import pynetdicom_scp

PROBES = 15


def observed(port: int, module: Mapping[str, Any], file: Path) -> tuple[list[Probe], list[list[tshark.Message]]]:
    """Probes one after the other, and the messages of each as Wireshark saw them."""
    probes: list[Probe] = []

    def during() -> None:
        probes.extend(probed(port, module) for _ in range(PROBES))

    tshark.capture(port, file, during)
    assert {done.outcome for done in probes} == {Outcome.ACCEPTED}
    seen: list[list[tshark.Message]] = []
    for message in tshark.messages(file, port):
        if message.name.endswith("-RQ"):
            seen.append([])
        seen[-1].append(message)
    assert len(seen) == PROBES
    return probes, seen


def most_agree(
    probes: list[Probe], seen: list[list[tshark.Message]], ours: Callable[[Probe], float], last: int
) -> None:
    """Within 1 ms or 2 %, on a quiet machine all: the scheduler may keep a process waiting for longer than that."""
    pairs = [(ours(done), one[last].at - one[0].at) for done, one in zip(probes, seen, strict=True)]
    agree = [abs(mine - theirs) <= max(0.001, 0.02 * theirs) for mine, theirs in pairs]
    assert sum(agree) > PROBES / 2, sorted(pairs)


def exchange(done: Probe) -> float:
    """From the request's first byte to the last response."""
    return done.phases["request"] + done.phases.get("transfer", 0.0)


def test_an_echo_and_a_store_take_as_long_as_wireshark_says(tmp_path: Path) -> None:
    modules: list[dict[str, Any]] = [{"prober": "echo"}, {"prober": "store", "rows": 512, "columns": 512}]
    with storescp() as server:
        for module in modules:
            file = tmp_path / f"{module['prober']}.pcapng"
            probes, seen = observed(server.port, module | {"called_ae_title": "STORESCP"}, file)
            most_agree(probes, seen, exchange, -1)


def test_a_query_takes_as_long_as_wireshark_says_and_so_does_its_first_result(tmp_path: Path) -> None:
    pause = threading.Event()

    def answer(event: Any) -> Iterator[tuple[int, Dataset]]:
        # else a result's second half waits for our delayed acknowledgement, and Wireshark counts to its first
        event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(3):
            pause.wait(0.05)
            found = Dataset()
            found.StudyInstanceUID = f"1.2.{number}"
            yield 0xFF00, found

    module = {"prober": "find", "called_ae_title": "P", "level": "study", "match": {"PatientID": "VNAOPS-PROBE"}}
    with pynetdicom_scp(
        sop_classes=[StudyRootQueryRetrieveInformationModelFind], handlers={evt.EVT_C_FIND: answer}
    ) as server:
        probes, seen = observed(server.port, module, tmp_path / "find.pcapng")

    assert [len(one) for one in seen] == [5] * PROBES  # the request, three results, the end
    most_agree(probes, seen, exchange, -1)
    most_agree(probes, seen, lambda done: done.time_to_first_result or 0.0, 1)
