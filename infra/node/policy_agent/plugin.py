"""The last plug-in of the CNI chain: a pod's containers start after its rules are in force, or not at all.

Run by containerd as a file of its own, with `python -I -S` (20 ms): it imports nothing of this project.
CNI specification 1.0.0, sections 2 and 5.
"""

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any


def _harden(result: dict[str, Any]) -> None:
    """On the node's end of the pod's cable: no IPv6 (no policy sees it), and no source address but the pod's own."""
    for interface in result.get("interfaces", []):
        if interface.get("sandbox"):
            continue
        for setting, value in (("ipv6/conf/{}/disable_ipv6", "1"), ("ipv4/conf/{}/rp_filter", "1")):
            file = Path("/proc/sys/net", setting.format(interface["name"]))
            if file.exists():
                file.write_text(value)


def _ask(path: str, message: dict[str, str]) -> str:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(15)
            connection.connect(path)
            connection.sendall(json.dumps(message).encode() + b"\n")
            return connection.makefile().readline().strip()
    except OSError as error:
        return f"the policy agent doesn't answer: {error}"


def main() -> int:
    """One CNI command; kubelet tries a failed ADD again."""
    configuration, command = json.load(sys.stdin), os.environ["CNI_COMMAND"]
    if command == "VERSION":
        print(json.dumps({"cniVersion": "0.4.0", "supportedVersions": ["0.3.1", "0.4.0", "1.0.0"]}))
    if command != "ADD":
        return 0
    result = configuration["prevResult"]
    arguments = dict(pair.split("=", 1) for pair in os.environ["CNI_ARGS"].split(";"))
    _harden(result)
    address = result["ips"][0]["address"].split("/")[0]
    answer = _ask(configuration["socket"], {"uid": arguments["K8S_POD_UID"], "address": address})
    if answer != "ok":
        print(json.dumps({"cniVersion": configuration["cniVersion"], "code": 11, "msg": f"network policy: {answer}"}))
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
