"""A provider over real gRPC: what it returns and raises arrives as the engine wants it."""

import threading
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from infra.providers.base import provider as base
from infra.providers.base import server
from infra.providers.base.detailed_diff import differences
from infra.providers.base.engine import CHANNEL_OPTIONS, Call
from infra.providers.base.values import Secret, Unknown, decode, encode

URN = "urn:pulumi:dev::vnaops::my:index:Component$echo:index:Thing::name"


class Echo(base.Provider):
    """Answers what it was asked."""

    name = "echo"
    version = "1.2.3"

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.waiting = threading.Event()

    def check(self, request: base.CheckRequest, call: Call) -> base.Checked:
        self.asked.append(request)
        return base.Checked(request.news, [base.Failure("a.b", "too large: at most 3")])

    def diff(self, request: base.DiffRequest, call: Call) -> base.Difference:
        changes = differences(request.old_inputs, request.news)
        return base.Difference(changes, frozenset(path for path in changes if path[0] == "name"), True)

    def create(self, request: base.CreateRequest, call: Call) -> base.Created:
        call.progress("halfway")
        call.warn("beware")
        raise base.InitializationError(
            "made, but ill", id="an-id", properties=request.inputs, reasons=["no pulse", "no breath"]
        )

    def read(self, request: base.ReadRequest, call: Call) -> base.Found | None:
        return None

    def update(self, request: base.UpdateRequest, call: Call) -> dict[str, Any]:
        self.waiting.set()
        call.cancelled.wait()
        raise base.CancelledError("interrupted: nothing was done")

    def delete(self, request: base.DeleteRequest, call: Call) -> None:
        raise ZeroDivisionError("a defect")


class Engine(engine_pb2_grpc.EngineServicer):
    """Hears what providers say."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, bool]] = []

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:  # noqa: N802  (gRPC's name)
        severity = engine_pb2.LogSeverity.Name(request.severity)
        self.heard.append((severity, request.message, request.ephemeral))
        return empty_pb2.Empty()


@contextmanager
def _engine() -> Iterator[tuple[Engine, str]]:
    heard = Engine()
    running = grpc.server(futures.ThreadPoolExecutor(2))
    engine_pb2_grpc.add_EngineServicer_to_server(heard, running)
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    try:
        yield heard, f"127.0.0.1:{port}"
    finally:
        running.stop(None).wait()


@pytest.fixture
def echo() -> Iterator[tuple[Echo, provider_pb2_grpc.ResourceProviderStub]]:
    provider = Echo()
    running, port = server.start(provider)
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=CHANNEL_OPTIONS) as channel:
        yield provider, provider_pb2_grpc.ResourceProviderStub(channel)
    running.stop(None).wait()


EchoPair = tuple[Echo, provider_pb2_grpc.ResourceProviderStub]


def test_the_version_is_said(echo: EchoPair) -> None:
    assert echo[1].GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def test_what_is_not_offered_is_unimplemented(echo: EchoPair) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        echo[1].Handshake(provider_pb2.ProviderHandshakeRequest())
    assert refused.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_type_and_name_come_from_the_urn_where_an_old_engine_does_not_send_them(echo: EchoPair) -> None:
    answer = echo[1].Check(provider_pb2.CheckRequest(urn=URN, news=encode({"a": Unknown("number")})))
    asked = echo[0].asked[0]
    assert (asked.type, asked.name, asked.news) == ("echo:index:Thing", "name", {"a": Unknown("number")})
    assert decode(answer.inputs) == {"a": Unknown("number")}
    assert [(one.property, one.reason) for one in answer.failures] == [("a.b", "too large: at most 3")]


def test_a_difference_that_only_a_replacement_can_make_is_marked(echo: EchoPair) -> None:
    old, new = {"name": "a", "size": 1, "gone": 1}, {"name": "b", "size": 2, "fresh": 1}
    answer = echo[1].Diff(provider_pb2.DiffRequest(urn=URN, old_inputs=encode(old), news=encode(new)))
    kinds = {path: provider_pb2.PropertyDiff.Kind.Name(one.kind) for path, one in answer.detailedDiff.items()}
    assert kinds == {"name": "UPDATE_REPLACE", "size": "UPDATE", "gone": "DELETE", "fresh": "ADD"}
    assert (list(answer.replaces), answer.deleteBeforeReplace) == (["name"], True)
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME


def test_no_difference_is_said_as_such(echo: EchoPair) -> None:
    same = encode({"a": Secret(1)})
    answer = echo[1].Diff(provider_pb2.DiffRequest(urn=URN, old_inputs=same, news=same))
    assert answer.changes == provider_pb2.DiffResponse.DIFF_NONE
    assert not answer.detailedDiff


def test_a_half_made_resource_carries_its_state_and_the_reasons(echo: EchoPair) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        echo[1].Create(provider_pb2.CreateRequest(urn=URN, properties=encode({"a": Secret("s")})))
    assert failed.value.details() == "made, but ill"
    metadata: Any = failed.value.trailing_metadata()
    raw = dict(metadata)["grpc-status-details-bin"]
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status_pb2.Status.FromString(raw).details[0].Unpack(detail)
    assert (detail.id, list(detail.reasons)) == ("an-id", ["no pulse", "no breath"])
    assert decode(detail.properties) == {"a": Secret("s")}


def test_the_engine_hears_progress_and_warnings(echo: EchoPair) -> None:
    with _engine() as (engine, address):
        echo[1].Attach(plugin_pb2.PluginAttach(address=address))
        with pytest.raises(grpc.RpcError):
            echo[1].Create(provider_pb2.CreateRequest(urn=URN))
        assert engine.heard == [("INFO", "halfway", True), ("WARNING", "beware", False)]


def test_what_does_not_exist_has_no_id(echo: EchoPair) -> None:
    assert echo[1].Read(provider_pb2.ReadRequest(urn=URN, id="x")).id == ""


def test_cancel_ends_a_wait(echo: EchoPair) -> None:
    update: Any = echo[1].Update.future(provider_pb2.UpdateRequest(urn=URN))
    assert echo[0].waiting.wait(10)
    echo[1].Cancel(empty_pb2.Empty())
    assert update.exception(10).details() == "interrupted: nothing was done"
    assert update.code() is grpc.StatusCode.CANCELLED


def test_a_defect_reaches_the_user_as_one_line(echo: EchoPair) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        echo[1].Delete(provider_pb2.DeleteRequest(urn=URN))
    assert str(failed.value.details()).startswith("defect in the provider: ZeroDivisionError at test_server.py:")


def test_a_message_of_many_megabytes_arrives(echo: EchoPair) -> None:
    answer = echo[1].Check(provider_pb2.CheckRequest(urn=URN, news=encode({"a": "x" * (20 << 20)})))
    assert len(decode(answer.inputs)["a"]) == 20 << 20
