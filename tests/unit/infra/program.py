"""Runs the whole program under Pulumi's mocks and records what it declares."""

import asyncio
import json
import runpy
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra import release

API_SERVER = "10.89.0.1"


class Recorder(pulumi.runtime.Mocks):
    """Answers like a cluster and keeps what it was asked for."""

    def __init__(self) -> None:
        self.declared: list[pulumi.runtime.MockResourceArgs] = []

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        self.declared.append(args)
        state = dict(args.inputs)
        if args.typ.startswith("kubernetes:") and "metadata" in state:
            state["metadata"] = {"name": args.name, **state["metadata"]}
        if args.typ == "kubernetes:core/v1:Service":
            state["spec"] = {"clusterIP": "10.96.1.1", **state["spec"]}
        if args.typ == "kubernetes:discovery.k8s.io/v1:EndpointSlice":
            state |= {"endpoints": [{"addresses": [API_SERVER]}], "ports": [{"port": 6443}]}
        if args.typ.startswith("vnaops:index:"):
            kinds = ("value", "certificate", "privateKey", "accessKeyId", "secretAccessKey")
            state |= {kind: f"{args.name}-{kind}" for kind in kinds}
        return f"{args.name}-id", state

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(f"unexpected call of {args.token}")

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Name -> inputs of every resource whose type ends with `kind`."""
        return {r.name: dict(r.inputs) for r in self.declared if r.typ.endswith(f":{kind}")}


@contextmanager
def declared(folder: Path, **settings: Any) -> Iterator[Recorder]:
    """Runs the whole program with these settings over the defaults."""
    kubeconfig = {
        "current-context": "x",
        "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": f"https://{API_SERVER}:6443"}}],
    }
    (folder / "kubeconfig").write_text(json.dumps(kubeconfig))
    images = {
        name: f"registry.example/{name}@sha256:{'0' * 64}"
        for name in (*release.COMPONENTS, release.LOAD_GENERATOR, release.NODE_EXPORTER)
    }
    (folder / "images.json").write_text(json.dumps(images))
    modalities = [
        {"aeTitle": "CT1", "host": "10.30.1.17", "rights": ["echo", "store"]},
        {"aeTitle": "MR1", "host": "10.30.1.18", "port": 4006, "rights": ["store", "commitment"]},
        {"aeTitle": "PACS", "host": "10.30.2.5", "port": 11112, "rights": ["find", "move", "destination"]},
    ]
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(folder / "kubeconfig"))
        patch.setenv("VNAOPS_STATE", str(folder))
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        pulumi.runtime.set_mocks(recorder, project="vnaops", stack="dev")
        settings = {"modalities": modalities, **settings}
        pulumi.runtime.set_all_config({f"vnaops:{name}": json.dumps(value) for name, value in settings.items()})

        @pulumi.runtime.test
        def whole() -> None:
            runpy.run_path(str(Path(release.__file__).parent / "__main__.py"))

        whole()
        yield recorder
        loop.close()
        asyncio.set_event_loop(None)
