"""Tells the user what a provider does: progress lines that vanish, and messages that stay."""

import threading

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

MESSAGE_BYTES = 400 << 20  # gRPC's 4 MiB would refuse a large config map's old and new state in one request
CHANNEL_OPTIONS = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]


class Engine:
    """The engine's log. Where none is attached, or it has gone, what is said is lost: a log fails no operation."""

    def __init__(self, address: str | None = None) -> None:
        self._stub: engine_pb2_grpc.EngineStub | None = None
        if address:
            self.attach(address)

    def attach(self, address: str) -> None:
        """Talk to the engine at HOST:PORT from now on."""
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options=CHANNEL_OPTIONS))

    def log(self, severity: "engine_pb2.LogSeverity.ValueType", urn: str, message: str, *, ephemeral: bool) -> None:
        """Say one message about a resource."""
        if self._stub is None:
            return
        request = engine_pb2.LogRequest(severity=severity, urn=urn, message=message, ephemeral=ephemeral)
        try:
            self._stub.Log(request, timeout=5)
        except grpc.RpcError:
            return


class Call:
    """One operation's surroundings: whom to tell, and whether to stop."""

    def __init__(self, engine: Engine, urn: str, cancelled: threading.Event) -> None:
        self._engine = engine
        self._urn = urn
        self.cancelled = cancelled
        """Set when the user interrupted: waits should end soon, and say so."""

    def progress(self, message: str) -> None:
        """A line beside the resource while the operation runs; the next one replaces it."""
        self._engine.log(engine_pb2.INFO, self._urn, message, ephemeral=True)

    def info(self, message: str) -> None:
        """A message that stays under Diagnostics."""
        self._engine.log(engine_pb2.INFO, self._urn, message, ephemeral=False)

    def warn(self, message: str) -> None:
        """A warning that stays under Diagnostics."""
        self._engine.log(engine_pb2.WARNING, self._urn, message, ephemeral=False)
