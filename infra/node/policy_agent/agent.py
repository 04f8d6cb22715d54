"""Follows pods, namespaces and policies, keeps the node's table in force, and answers the CNI plug-in.

Run as `python -m infra.node.policy_agent.agent NODE POD_NETWORK KUBECONFIG SOCKET`, in the node's network namespace.
"""

import contextlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from infra.node.api import Api, Object
from infra.node.policy_agent.render import Cluster, render

PATHS = {
    "pods": "/api/v1/pods",
    "namespaces": "/api/v1/namespaces",
    "policies": "/apis/networking.k8s.io/v1/networkpolicies",
}
_PATIENCE_SECONDS = 10.0
_AGAIN_SECONDS = 1.0
_GATHER_SECONDS = 0.002  # a burst of events becomes one table


class State:
    """What is known, and how far the table in force has come: every change raises `wanted`, `done` follows it."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._kinds: dict[str, dict[str, Object] | None] = dict.fromkeys(PATHS)
        self._told: dict[str, str] = {}
        self.wanted = 1
        self.done = 0

    def _raise(self) -> None:
        self.wanted += 1
        self.changed.notify_all()

    def listed(self, kind: str) -> Callable[[list[Object]], None]:
        """What to do with everything of a kind."""

        def take(items: list[Object]) -> None:
            with self.changed:
                known = {item["metadata"]["uid"]: item for item in items}
                self._kinds[kind] = known
                if kind == "pods":
                    self._told = {uid: address for uid, address in self._told.items() if uid in known}
                self._raise()

        return take

    def one(self, kind: str) -> Callable[[Object, bool], None]:
        """What to do with one changed object of a kind."""

        def take(item: Object, gone: bool) -> None:
            with self.changed:
                known, uid = self._kinds[kind], item["metadata"]["uid"]
                if known is None:
                    raise ValueError(f"{kind} were never listed")
                if gone:
                    known.pop(uid, None)
                    self._told.pop(uid, None)
                else:
                    known[uid] = item
                self._raise()

        return take

    def tell(self, uid: str, address: str) -> bool:
        """Notes a starting pod's address and waits until its rules are in force; False if that takes too long."""
        with self.changed:
            if not self.changed.wait_for(lambda: uid in (self._kinds["pods"] or {}), _PATIENCE_SECONDS):
                return False
            self._told = {u: a for u, a in self._told.items() if a != address} | {uid: address}
            self._raise()
            mine = self.wanted
            return self.changed.wait_for(lambda: self.done >= mine, _PATIENCE_SECONDS)

    def next(self) -> tuple[int, Cluster]:
        """Waits for something to render."""
        with self.changed:
            self.changed.wait_for(lambda: all(k is not None for k in self._kinds.values()) and self.wanted > self.done)
        time.sleep(_GATHER_SECONDS)
        with self.changed:
            pods, namespaces, policies = (list((self._kinds[kind] or {}).values()) for kind in PATHS)
            return self.wanted, Cluster(pods, namespaces, policies, dict(self._told))

    def finished(self, upto: int) -> None:
        """The table of that state is in force."""
        with self.changed:
            self.done = upto
            self.changed.notify_all()


def serve(path: Path, state: State) -> None:
    """Answers the CNI plug-in: JSON with a pod's uid and address, answered by `ok` when its rules are in force."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.listen(64)

    def answer(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError, KeyError):
            connection.settimeout(_PATIENCE_SECONDS)
            message = json.loads(connection.makefile().readline())
            ok = state.tell(message["uid"], message["address"])
            connection.sendall(b"ok\n" if ok else b"the pod's rules aren't in force yet\n")

    while True:
        threading.Thread(target=answer, args=(listener.accept()[0],), daemon=True).start()


def run(node: str, pod_network: str, state: State) -> None:
    """Keeps the table in force, for ever."""
    last = ""
    while True:
        upto, cluster = state.next()
        began = time.monotonic()
        text = render(cluster, node, pod_network)
        if text != last:
            done = subprocess.run(["nft", "-f", "-"], input=text, text=True, capture_output=True, check=False)
            took = 1000 * (time.monotonic() - began)
            print(f"table of {len(text)} bytes, {took:.0f} ms, {done.stderr.strip()[:300] or 'in force'}", flush=True)
            if done.returncode:
                last = ""
                time.sleep(_AGAIN_SECONDS)
                continue
            last = text
        state.finished(upto)


def main() -> None:
    """Starts the threads; the main thread renders."""
    node, pod_network, kubeconfig, path = sys.argv[1:]
    api, state = Api(Path(kubeconfig)), State()
    for kind, where in PATHS.items():
        api.follow(where, state.listed(kind), state.one(kind))
    threading.Thread(target=serve, args=(Path(path), state), daemon=True).start()
    run(node, pod_network, state)


if __name__ == "__main__":
    main()
