"""Asks the stand-in what the official plug-in was asked, against a real API server, and compares the answers.

The test plays the engine: it keeps the state that the stand-in answered and hands that back where the recorded request
has the official plug-in's. Between the steps it does what another hand did when they were recorded.
"""

import json
import lzma
import re
import subprocess
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message
from pulumi.runtime.proto import provider_pb2 as pb

from infra.providers.base.engine import Engine
from infra.providers.base.provider import ProviderError
from infra.providers.base.server import Servicer
from infra.providers.kubernetes.provider import KubernetesProvider
from tests.peers.kubernetes_api import KubernetesApi

RECORDED = Path(__file__).parent / "recordings" / "calls.jsonl.xz"
REQUESTS: dict[str, type[Message]] = {
    "Check": pb.CheckRequest,
    "CheckConfig": pb.CheckRequest,
    "Configure": pb.ConfigureRequest,
    "Create": pb.CreateRequest,
    "Delete": pb.DeleteRequest,
    "Diff": pb.DiffRequest,
    "DiffConfig": pb.DiffRequest,
    "Read": pb.ReadRequest,
    "Update": pb.UpdateRequest,
}
METHODS = {"CheckConfig": "check_config", "DiffConfig": "diff_config"}
# The recorded failures waited 10 and 20 s; here each shows at once. The deletions' own 30 s stay.
LIMIT_SECONDS, LONG_SECONDS = 3, 30
# Which of the explicit providers a resource belongs to; all others belong to the default one.
PROVIDERS = {"mutable": "explicit", "mutable-secret": "explicit", "client-side": "client-side"}

Call = dict[str, Any]


@dataclass
class Outcome:
    """One call's two answers, made comparable."""

    method: str
    name: str
    expected: Any
    got: Any
    expected_error: str
    error: str

    def __str__(self) -> str:
        words = [f"{self.method} {self.name}"]
        if self.error or self.expected_error:
            words.append(f"error {self.error!r} instead of {self.expected_error!r}")
        words += list(_unlike(self.expected, self.got, ""))
        return "\n    ".join(words)


def calls() -> dict[str, list[Call]]:
    """The recorded calls by step and command, in the order of the recording."""
    found: dict[str, list[Call]] = defaultdict(list)
    with lzma.open(RECORDED, "rt") as lines:
        for line in lines:
            call = json.loads(line)
            found[call["step"]].append(call)
    return dict(found)


@dataclass
class Replay:
    """The engine's side: the stacks' state as the stand-in answered it, and the plug-in of the step that runs."""

    api: KubernetesApi
    states: dict[tuple[str, str], Any] = field(default_factory=dict)

    def step(self, recorded: list[Call], kubeconfig: str) -> list[Outcome]:
        """Ask everything of a step; the calls whose answers differ, or that fail only here or only there."""
        plugins = self._plugins(recorded, kubeconfig)
        outcomes = []
        for call in recorded:
            if call["method"] == "Configure":
                continue
            outcome = self._ask(plugins[PROVIDERS.get(call["request"]["name"], "default")], call)
            if outcome.got != outcome.expected or bool(outcome.error) != bool(outcome.expected_error):
                outcomes.append(outcome)
        return outcomes

    def _plugins(self, recorded: list[Call], kubeconfig: str) -> dict[str, Servicer]:
        plugins = defaultdict(lambda: _plugin({"args": {"kubeconfig": kubeconfig}}))
        for call in recorded:
            if call["method"] == "Configure" and not call["request"]["name"].startswith("default"):
                request = json.loads(json.dumps(call["request"]).replace("KUBECONFIG", str(self.api.kubeconfig)))
                plugins[request["name"]] = _plugin(request)
        return plugins

    def _ask(self, plugin: Servicer, call: Call) -> Outcome:
        method, request = call["method"], dict(call["request"])
        key = (request.get("urn", ""), request.get("id", ""))
        if key in self.states and method in ("Update", "Delete", "Read", "Diff"):
            request["properties" if method in ("Delete", "Read") else "olds"] = self.states[key]
        if request.get("timeout", LONG_SECONDS) < LONG_SECONDS and call.get("errors"):
            request["timeout"] = LIMIT_SECONDS
        message = json_format.ParseDict(request, REQUESTS[method]())
        answer, error = None, ""
        try:
            asked: Callable[[Any], Message] = getattr(plugin, METHODS.get(method, method.lower()))
            answer = json_format.MessageToDict(asked(message))
        except ProviderError as refusal:
            error = str(refusal)
            if properties := getattr(refusal, "properties", None):
                self._keep(request, refusal.__dict__["id"], _plain_json(properties))
        if answer is not None and not request.get("preview"):
            self._keep_answer(method, request, answer)
        expected = call.get("response")
        return Outcome(
            method,
            request.get("name", ""),
            _comparable(expected, call),
            None if error and not expected else _comparable(answer, call),
            "; ".join(call.get("errors") or []),
            error,
        )

    def _keep_answer(self, method: str, request: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        if method in ("Create", "Update", "Read") and "properties" in answer:
            self._keep(request, answer.get("id") or request.get("id", ""), answer["properties"])

    def _keep(self, request: Mapping[str, Any], identifier: str, properties: Any) -> None:
        self.states[request["urn"], identifier] = properties


def _plugin(configuration: Mapping[str, Any]) -> Servicer:
    plugin = Servicer(KubernetesProvider(), Engine())
    plugin.configure(json_format.ParseDict(dict(configuration), pb.ConfigureRequest(), ignore_unknown_fields=True))
    return plugin


def _plain_json(properties: Any) -> Any:
    from infra.providers.base.values import encode

    return json_format.MessageToDict(encode(properties))


_GENERATED = re.compile(r"^(.+)-[0-9a-f]{8}$")
_DROPPED = frozenset(
    {
        # times, uids and counters of one cluster
        *("creationTimestamp", "generation", "resourceVersion", "uid", "time", "ownerReferences"),
        *("controller-uid", "batch.kubernetes.io/controller-uid", "nodeName", "clusterIPs", "generateName"),
        # what the recorded cluster's volume provisioner wrote, and the other has none
        *("volumeName", "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"),
        *("volume.beta.kubernetes.io/storage-provisioner", "volume.kubernetes.io/storage-provisioner"),
        *("volume.kubernetes.io/selected-node", "deployment.kubernetes.io/revision"),
    }
)
_OF_A_NODE = frozenset(
    {
        *("CustomResourceDefinition", "DaemonSet", "Deployment", "Job", "Namespace", "PersistentVolumeClaim"),
        *("Pod", "PodDisruptionBudget", "StatefulSet"),
    }
)
"""Whose status is as quick as the node and the controllers."""
_ADDRESS = re.compile(r"10\.96\.\d+\.\d+")
_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}")


def _comparable(answer: Any, call: Call) -> Any:
    """The answer without what belongs to one cluster, one moment or one field manager."""
    if answer is None:
        return None
    own = [call["request"].get("name", "")] if call["method"] == "Check" and not call["request"].get("olds") else []
    masked = _masked(answer, own)
    if isinstance(masked, dict) and "replaces" in masked:
        masked["replaces"] = sorted(masked["replaces"])
    return masked


def _masked(value: Any, own: list[str]) -> Any:
    if isinstance(value, dict):
        kept = {name: _masked(item, own) for name, item in value.items() if name not in _DROPPED}
        if "managedFields" in kept:  # others' are the controllers' and the test's hand's
            mine = [one for one in kept["managedFields"] if one["manager"].startswith("pulumi-kubernetes")]
            kept["managedFields"] = sorted(mine, key=lambda one: json.dumps(one, sort_keys=True))
        if kept.get("kind") in _OF_A_NODE:
            kept.pop("status", None)
        return {name: item for name, item in kept.items() if item or name not in ("annotations", "managedFields")}
    if isinstance(value, list):
        return [_masked(item, own) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        generated = _GENERATED.match(value)
        if generated and (generated[1] in own or generated[1] == "pulumi-kubernetes"):
            return f"{generated[1]}-*"
        return _VOLUME.sub("kube-api-access-*", _ADDRESS.sub("ADDRESS", value))
    return value


def _unlike(expected: Any, got: Any, path: str) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in sorted(expected.keys() | got.keys()):
            yield from _unlike(expected.get(name), got.get(name), f"{path}.{name}")
    elif isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        for place, (one, other) in enumerate(zip(expected, got, strict=True)):
            yield from _unlike(one, other, f"{path}[{place}]")
    elif expected != got:
        yield f"{path}: {json.dumps(got)[:300]} instead of {json.dumps(expected)[:300]}"


class Hand:
    """What somebody else did in the cluster between the recorded steps."""

    def __init__(self, api: KubernetesApi) -> None:
        self._api = api
        self._deeds: dict[str, Callable[[], None]] = {
            "05a-refresh.refresh": self._drift,
            "05d-drift-without-refresh.preview": self._drift_again,
            "06a-import-option-bare.preview": self._importable,
            "07l-deleted-by-hand.up": self._release,
            "08a-conflict-create.preview": self._contest,
            "08e-taken-update.preview": self._take,
            "10-destroy.destroy": lambda: self._rec("delete", "configmap", "named"),
            "11a-import-option-deployment.preview": self._importable_deployment,
        }

    def before(self, step: str) -> None:
        """What was done before this step."""
        self._deeds.get(step, lambda: None)()

    def _rec(self, *arguments: str) -> None:
        self._api.kubectl("-n", "rec", *arguments)

    def _apply(self, obj: Mapping[str, Any], *options: str) -> None:
        self._api.kubectl("apply", *options, "-f", "-", stdin=obj)

    def _drift(self) -> None:
        self._rec("scale", "deploy/web", "--replicas=3")
        self._rec("delete", "configmap", "labelled")
        self._rec("label", "service", "svc", "by=hand")
        self._rec("rollout", "status", "deploy/web", "--timeout=30s")

    def _drift_again(self) -> None:
        self._rec("scale", "deploy/web", "--replicas=1")
        self._rec("delete", "configmap", "frozen")

    def _importable(self) -> None:
        self._rec("create", "configmap", "found-bare", "--from-literal=x=1")
        self._apply(_config_map("found-applied", {"x": "1"}))
        self._apply(_found_deployment())
        self._rec("rollout", "status", "deploy/found-deployment", "--timeout=30s")

    def _release(self) -> None:
        self._rec("patch", "configmap", "stuck", "--type=merge", "-p", '{"metadata":{"finalizers":null}}')

    def _contest(self) -> None:
        self._apply(_config_map("contested", {"x": "theirs"}), "--server-side", "--field-manager=other")
        self._rec("create", "configmap", "exists", "--from-literal=x=1")

    def _take(self) -> None:
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "taken", "namespace": "rec", "labels": {"by": "other"}},
            "spec": {"clusterIP": "None", "ports": [{"port": 81, "name": "o"}]},
        }
        self._apply(service, "--server-side", "--field-manager=other", "--force-conflicts")

    def _importable_deployment(self) -> None:
        try:
            self._api.kubectl("create", "namespace", "rec")
        except subprocess.CalledProcessError as error:
            raise AssertionError(f"step 10 left the namespace: {error.stderr}") from None
        self._rec("create", "configmap", "found-bare", "--from-literal=x=1")
        self._apply(_found_deployment())
        self._rec("rollout", "status", "deploy/found-deployment", "--timeout=30s")


def _config_map(name: str, data: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "rec"}, "data": data}


def _found_deployment() -> dict[str, Any]:
    container = {"name": "c", "image": "localhost/bb:1", "imagePullPolicy": "Never", "command": ["sleep", "3600"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "found-deployment", "namespace": "rec"},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": "found"}},
            "template": {
                "metadata": {"labels": {"app": "found"}},
                "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
            },
        },
    }
