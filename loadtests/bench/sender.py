"""One sender of the generator's benchmark, in a process of its own: `python -m loadtests.bench.sender`

Reads everything, prints "ready" and waits for a line; then the clock runs, from the first association to the end of
the last release. Prints JSON: instances, when it began and ended (seconds of the machine's monotonic clock), processor
seconds.
"""

import argparse
import functools
import importlib.util
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporters.dimse.items import DEFAULT_MAX_LENGTH
from exporters.dimse.stream import Buffer
from loadtests.dataset import SOP_CLASS_UID, SOP_INSTANCE_UID, elements, split_file, uid_at
from loadtests.engine.connect import without_delay
from loadtests.engine.scu import Scu, Target

Send = Callable[[Sequence["File"]], None]
"""Sends these instances over one association."""


@dataclass(slots=True, frozen=True)
class File:
    """An instance from a file."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax: str
    buffers: tuple[Buffer, ...]


def read(path: Path) -> File:
    """The instance in a DICOM file. Raises DataSetError."""
    transfer_syntax, data = split_file(path.read_bytes())
    found = {element.tag: uid_at(data, element) for element in elements(data) if element.tag < 0x00080019}
    return File(path, found[SOP_CLASS_UID], found[SOP_INSTANCE_UID], transfer_syntax, (data,))


def ours(port: int) -> Send:
    """This project's engine."""
    target = Target("127.0.0.1", port, "ANY-SCP", answer_timeout=120.0)

    def send(files: Sequence[File]) -> None:
        contexts = sorted({(one.sop_class_uid, one.transfer_syntax) for one in files})
        with Scu(target, [(sop_class, [syntax]) for sop_class, syntax in contexts]) as scu:
            store = scu.store
            for one in files:
                store(one.sop_class_uid, one.sop_instance_uid, one.transfer_syntax, one.buffers)

    return send


def lean(port: int, script: Path) -> Send:
    """The prototype: a script with a class `SCU`."""
    spec = importlib.util.spec_from_file_location("lean_scu", script)
    if spec is None or spec.loader is None:
        raise ValueError(f"{script} is no Python script")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def send(files: Sequence[File]) -> None:
        stored = [(one.sop_class_uid.encode(), one.sop_instance_uid.encode(), one.buffers[0]) for one in files]
        association = module.SCU("127.0.0.1", port, sorted({sop_class for sop_class, _, _ in stored}))
        for one in stored:
            association.store(*one)
        association.release()

    return send


def pynetdicom(port: int, files: Sequence[File]) -> Send:
    """pynetdicom, helped twice: its socket's delay is taken off (it would fall to 23 instances/s), its reactor is held.

    The reactor of 3.0.4 now and then takes an answer that comes at once, and the sender waits 30 s for it in vain.
    """
    import pynetdicom as library
    from pydicom import dcmread

    data_sets = {one.path: dcmread(one.path) for one in files}

    def send(files: Sequence[File]) -> None:
        entity = library.AE("PYNETDICOM")
        for sop_class, syntax in sorted({(one.sop_class_uid, one.transfer_syntax) for one in files}):
            entity.add_requested_context(sop_class, syntax)
        connected = [(library.evt.EVT_CONN_OPEN, lambda event: without_delay(event.assoc.dul.socket.socket))]
        association = entity.associate("127.0.0.1", port, max_pdu=DEFAULT_MAX_LENGTH, evt_handlers=connected)
        reactor = association._reactor_checkpoint
        reactor.clear()
        time.sleep(0.1)  # it looks every millisecond
        reactor.set = lambda: None
        for one in files:
            if association.send_c_store(data_sets[one.path]).Status != 0:
                raise RuntimeError("a C-STORE of pynetdicom was not answered with success")
        del reactor.set
        association.release()

    return send


def run(send: Send, files: Sequence[File], associations: int, spawn: Callable[[Callable[[], None]], Any]) -> None:
    """Share the files among that many associations at a time. Raises what one of them raised."""
    failed: list[Exception] = []

    def part(number: int) -> None:
        try:
            send(files[number::associations])
        except Exception as error:
            failed.append(error)

    running = [spawn(functools.partial(part, number)) for number in range(associations)]
    for one in running:
        one.join()
    if failed:
        raise failed[0]


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m loadtests.bench.sender", description=__doc__)
    parser.add_argument("engine", choices=["ours", "lean", "pynetdicom"])
    parser.add_argument("port", type=int, help="of a storage SCP on the loopback")
    parser.add_argument("folder", type=Path, help="of DICOM files, sent in turn")
    parser.add_argument("--count", type=int, required=True, help="instances to send")
    parser.add_argument("--associations", type=int, default=1, help="at a time (%(default)s)")
    parser.add_argument("--lean", type=Path, help="the prototype's script")
    options = parser.parse_args(arguments)
    green = options.associations > 1 and options.engine != "pynetdicom"  # that one has threads of its own
    if green:
        from gevent import monkey

        monkey.patch_all(ssl=False)  # imported already, and not used
    files = [read(path) for path in sorted(options.folder.iterdir())]
    files = (files * (options.count // len(files) + 1))[: options.count]
    if options.engine == "lean":
        send = lean(options.port, options.lean)
    else:
        send = ours(options.port) if options.engine == "ours" else pynetdicom(options.port, files)

    def spawn(work: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=work)
        thread.start()
        return thread

    print("ready", flush=True)
    sys.stdin.readline()
    used, begun = time.process_time(), time.monotonic()
    run(send, files, options.associations, spawn)
    ended, used = time.monotonic(), time.process_time() - used
    print(json.dumps({"instances": len(files), "begun": begun, "ended": ended, "processor_seconds": used}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
