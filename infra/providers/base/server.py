"""Speaks pulumirpc.ResourceProvider for a `Provider`: messages to typed requests, answers and errors back."""

import contextlib
import os
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent import futures
from typing import Any

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.protobuf.message import Message
from pulumi.runtime.proto import plugin_pb2, provider_pb2, status_pb2

from infra.providers.base.detailed_diff import Change, path_text
from infra.providers.base.engine import CHANNEL_OPTIONS, Call, Engine
from infra.providers.base.provider import (
    Autonaming,
    CancelledError,
    CheckRequest,
    ConfigureRequest,
    CreateRequest,
    DeleteRequest,
    Difference,
    DiffRequest,
    InitializationError,
    Provider,
    ProviderError,
    ReadRequest,
    UpdateRequest,
)
from infra.providers.base.values import decode, encode

# A thread per operation under way, made when needed: `up --parallel 200` must leave one for Cancel.
THREADS = 512
ORPHAN_CHECK_SECONDS = 5.0


class Servicer:
    """The protocol's methods, one each.

    What is not here (Handshake, Parameterize, Call, …) gRPC answers with UNIMPLEMENTED, and the engine then does
    without, as it does with official providers.
    """

    def __init__(self, provider: Provider, engine: Engine) -> None:
        self._provider = provider
        self._engine = engine
        self._cancelled = threading.Event()

    def handlers(self) -> "grpc.GenericRpcHandler[Any, Any]":
        """The methods with their messages, for a gRPC server."""
        pb = provider_pb2
        methods: dict[str, tuple[Callable[[Any], Message], type[Message]]] = {
            "GetPluginInfo": (self.plugin_info, empty_pb2.Empty),
            "Attach": (self.attach, plugin_pb2.PluginAttach),
            "GetSchema": (self.schema, pb.GetSchemaRequest),
            "CheckConfig": (self.check_config, pb.CheckRequest),
            "DiffConfig": (self.diff_config, pb.DiffRequest),
            "Configure": (self.configure, pb.ConfigureRequest),
            "Invoke": (self.invoke, pb.InvokeRequest),
            "Construct": (self.construct, pb.ConstructRequest),
            "Check": (self.check, pb.CheckRequest),
            "Diff": (self.diff, pb.DiffRequest),
            "Create": (self.create, pb.CreateRequest),
            "Read": (self.read, pb.ReadRequest),
            "Update": (self.update, pb.UpdateRequest),
            "Delete": (self.delete, pb.DeleteRequest),
            "Cancel": (self.cancel, empty_pb2.Empty),
        }
        return grpc.method_handlers_generic_handler(
            "pulumirpc.ResourceProvider",
            {
                name: grpc.unary_unary_rpc_method_handler(
                    _reporting(method),
                    request_deserializer=request.FromString,
                    response_serializer=lambda answer: answer.SerializeToString(),
                )
                for name, (method, request) in methods.items()
            },
        )

    def plugin_info(self, _: empty_pb2.Empty) -> Message:
        """Which version this is."""
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def attach(self, request: plugin_pb2.PluginAttach) -> Message:
        """The engine's address, where the plug-in was started by somebody else."""
        self._engine.attach(request.address)
        return empty_pb2.Empty()

    def cancel(self, _: empty_pb2.Empty) -> Message:
        """The user interrupted, or the engine is done."""
        self._cancelled.set()
        return empty_pb2.Empty()

    def schema(self, _: provider_pb2.GetSchemaRequest) -> Message:
        """The package's schema."""
        return provider_pb2.GetSchemaResponse(schema=self._provider.schema())

    def check_config(self, request: provider_pb2.CheckRequest) -> Message:
        """The provider's own settings."""
        return self._checked(self._provider.check_config, request)

    def check(self, request: provider_pb2.CheckRequest) -> Message:
        """A resource's inputs."""
        return self._checked(self._provider.check, request)

    def diff_config(self, request: provider_pb2.DiffRequest) -> Message:
        """Changes of the provider's own settings."""
        answer = self._differing(self._provider.diff_config, request)
        answer.hasDetailedDiff = bool(answer.detailedDiff)
        return answer

    def diff(self, request: provider_pb2.DiffRequest) -> Message:
        """Changes of a resource."""
        return self._differing(self._provider.diff, request)

    def configure(self, request: provider_pb2.ConfigureRequest) -> Message:
        """The provider's own settings take effect."""
        about = ConfigureRequest(request.urn, request.type, request.name, decode(request.args))
        self._provider.configure(about, self._call(request.urn))
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def invoke(self, request: provider_pb2.InvokeRequest) -> Message:
        """A function."""
        answer = self._provider.invoke(request.tok, decode(request.args), self._call(""))
        return provider_pb2.InvokeResponse(**{"return": encode(answer)})

    def construct(self, request: provider_pb2.ConstructRequest) -> Message:
        """A component that the provider would make of resources."""
        raise ProviderError(self._provider.component_refusal(request.type))

    def create(self, request: provider_pb2.CreateRequest) -> Message:
        """A resource is made."""
        about = CreateRequest(
            *_resource(request), decode(request.properties), timeout=request.timeout or None, preview=request.preview
        )
        created = self._provider.create(about, self._call(request.urn))
        return provider_pb2.CreateResponse(id=created.id, properties=encode(created.properties))

    def read(self, request: provider_pb2.ReadRequest) -> Message:
        """A resource is looked at."""
        about = ReadRequest(
            *_resource(request),
            request.id,
            decode(request.properties),
            decode(request.inputs),
            timeout=request.timeout or None,
            importing=not request.HasField("inputs"),
        )
        found = self._provider.read(about, self._call(request.urn))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(id=found.id, properties=encode(found.properties), inputs=encode(found.inputs))

    def update(self, request: provider_pb2.UpdateRequest) -> Message:
        """A resource is changed."""
        about = UpdateRequest(
            *_resource(request),
            request.id,
            decode(request.olds),
            decode(request.old_inputs),
            decode(request.news),
            timeout=request.timeout or None,
            preview=request.preview,
            ignore_changes=tuple(request.ignoreChanges),
        )
        return provider_pb2.UpdateResponse(properties=encode(self._provider.update(about, self._call(request.urn))))

    def delete(self, request: provider_pb2.DeleteRequest) -> Message:
        """A resource is removed."""
        about = DeleteRequest(
            *_resource(request),
            request.id,
            decode(request.properties),
            decode(request.old_inputs),
            timeout=request.timeout or None,
        )
        self._provider.delete(about, self._call(request.urn))
        return empty_pb2.Empty()

    def _call(self, urn: str) -> Call:
        return Call(self._engine, urn, self._cancelled)

    def _checked(self, method: Callable[..., Any], request: provider_pb2.CheckRequest) -> Message:
        autonaming = None
        if request.HasField("autonaming"):
            mode = provider_pb2.CheckRequest.AutonamingOptions.Mode.Name(request.autonaming.mode)
            autonaming = Autonaming(mode, request.autonaming.proposed_name)
        about = CheckRequest(
            *_resource(request), decode(request.olds), decode(request.news), request.randomSeed, autonaming
        )
        checked = method(about, self._call(request.urn))
        failures = [provider_pb2.CheckFailure(property=one.property, reason=one.reason) for one in checked.failures]
        return provider_pb2.CheckResponse(inputs=encode(checked.inputs), failures=failures)

    def _differing(
        self, method: Callable[[DiffRequest, Call], Difference], request: provider_pb2.DiffRequest
    ) -> provider_pb2.DiffResponse:
        about = DiffRequest(
            *_resource(request),
            request.id,
            decode(request.olds),
            decode(request.old_inputs),
            decode(request.news),
            tuple(request.ignoreChanges),
        )
        return _difference(method(about, self._call(request.urn)))


def _resource(request: Any) -> tuple[str, str, str]:
    """Engines before 3.129 send the URN only."""
    urn_type, _, urn_name = request.urn.partition("::")[2].partition("::")[2].partition("::")
    return request.urn, request.type or urn_type.rpartition("$")[2], request.name or urn_name


def _difference(found: Difference) -> provider_pb2.DiffResponse:
    kinds = provider_pb2.PropertyDiff
    detailed = {}
    for path, change in found.changes.items():
        replace = path in found.replaces
        kind = {
            Change.ADD: kinds.ADD_REPLACE if replace else kinds.ADD,
            Change.DELETE: kinds.DELETE_REPLACE if replace else kinds.DELETE,
            Change.UPDATE: kinds.UPDATE_REPLACE if replace else kinds.UPDATE,
        }[change]
        detailed[path_text(path)] = provider_pb2.PropertyDiff(kind=kind, inputDiff=change is Change.DELETE)
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if detailed else provider_pb2.DiffResponse.DIFF_NONE,
        replaces=[path_text(path) for path in found.changes if path in found.replaces],
        deleteBeforeReplace=found.delete_before_replace,
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _reporting(method: Callable[[Any], Message]) -> Callable[[Any, grpc.ServicerContext], Message]:
    """The method, with its exceptions as gRPC errors in words."""

    def answer(request: Any, context: grpc.ServicerContext) -> Message:
        try:
            return method(request)
        except InitializationError as error:
            context.set_trailing_metadata((("grpc-status-details-bin", _init_failed(error).SerializeToString()),))
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except CancelledError as error:
            context.abort(grpc.StatusCode.CANCELLED, str(error))
        except ProviderError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))
        except Exception as error:  # a defect of ours must still reach the user as one line
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{os.path.basename(where.filename)}:{where.lineno}"  # noqa: PTH119  (a name, no file access)
            context.abort(
                grpc.StatusCode.INTERNAL, f"defect in the provider: {type(error).__name__} at {place}: {error}"
            )

    return answer


def _init_failed(error: InitializationError) -> status_pb2.Status:
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.id,
            properties=encode(error.properties),
            reasons=error.reasons,
            inputs=None if error.inputs is None else encode(error.inputs),
        )
    )
    return status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error), details=[detail])


def start(provider: Provider, engine_address: str | None = None) -> tuple[grpc.Server, int]:
    """Serve the provider on a free port of the loopback; the server runs until it is stopped."""
    server = grpc.server(futures.ThreadPoolExecutor(THREADS), options=CHANNEL_OPTIONS)
    server.add_generic_rpc_handlers((Servicer(provider, Engine(engine_address)).handlers(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def main(provider: Provider) -> None:
    """Be a plug-in: the engine gives its address as the argument, reads the port, and is served until it is gone."""
    parent = os.getppid()
    server, port = start(provider, sys.argv[1] if len(sys.argv) > 1 else None)
    # Ctrl-C does not arrive here: the engine gives a plug-in a process group of its own. SIGINT is its farewell after
    # Cancel, and a plug-in that ignores it costs every command the 5 s after which it is killed (measured with 3.250).
    with contextlib.suppress(KeyboardInterrupt):
        print(port, flush=True)
        while server.wait_for_termination(timeout=ORPHAN_CHECK_SECONDS) and os.getppid() == parent:
            pass  # an engine that was killed can't stop its plug-ins
    server.stop(grace=None)
