"""The plug-in as a process: what the engine reads from it, and its end."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2_grpc


def test_the_first_line_is_the_port_and_a_killed_engine_leaves_no_plugin() -> None:
    """The shell stands for the engine: it starts the plug-in and is killed."""
    script = f'"{sys.executable}" -m infra.providers.kubernetes & echo $!; wait'
    engine = subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert engine.stdout
    assert engine.stderr
    try:
        plugin, port = int(engine.stdout.readline()), int(engine.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            info = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty(), timeout=30)
        assert info.version == "4.34.2"
    finally:
        engine.kill()
        engine.wait()
    deadline = time.monotonic() + 30
    while _runs(plugin):
        assert time.monotonic() < deadline
        threading.Event().wait(0.2)
    assert engine.stderr.read() == ""
    engine.stdout.close()
    engine.stderr.close()


def _runs(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text()
    except OSError:
        return False
