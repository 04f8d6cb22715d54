"""The cluster's part of this machine's network: bridge, kernel settings, masquerading, the cables of further nodes."""

import contextlib
import ipaddress
import json
from pathlib import Path

from infra.files import write
from infra.node.commands import ip_json, run, works
from infra.node.errors import NodeError
from infra.node.layout import ADDRESS, BRIDGE, NETWORK, NODES, PODS, SERVICES, Layout, Machine

TABLE = "vnaops_masquerade"
_SETTINGS = {
    "net/ipv4/ip_forward": "1",
    # br_netfilter, where it is there, would send bridged frames through the forward hook a second time
    "net/bridge/bridge-nf-call-iptables": "0",
}
_CHANGED_BY_KUBERNETES = (
    "vm/overcommit_memory",
    "vm/panic_on_oom",
    "kernel/panic",
    "kernel/panic_on_oops",
    "kernel/keys/root_maxkeys",
    "kernel/keys/root_maxbytes",
    "net/netfilter/nf_conntrack_tcp_timeout_established",
    "net/netfilter/nf_conntrack_tcp_timeout_close_wait",
)
_MADE_BY_KUBELET = (Path("/var/lib/kubelet/device-plugins"), Path("/var/lib/kubelet"), Path("/var/log/containers"))
"""Their place can't be configured."""
_SYS = Path("/proc/sys")


def owner() -> str | None:
    """The state folder whose cluster holds the addresses: the bridge's alias says it. None if there is no bridge."""
    for link in ip_json(
        "link", "show", "type", "bridge"
    ):  # not /sys/class/net: that may show another network namespace
        if link.get("ifname") == BRIDGE:
            return str(link.get("ifalias", ""))
    return None


def check_free(layout: Layout) -> None:
    """Raises NodeError if another cluster, or anything else of this machine, has the addresses."""
    holder = owner()
    if holder is not None and holder != str(layout.root):
        raise NodeError(
            f"another embedded node, of {holder or 'somebody else'}, has {NETWORK} on this machine, "
            "and there can be one only; "
            f"stop it: VNAOPS_STATE={Path(holder).parent if holder else '…'} python -m infra.node down"
        )
    for route in ip_json("-4", "route", "show", "table", "main"):
        device, target = route.get("dev", ""), route["dst"]
        if target == "default" or device.startswith(BRIDGE) or (device.startswith("veth") and holder is not None):
            continue
        for mine in (NETWORK, PODS, SERVICES):
            if ipaddress.ip_network(target).overlaps(ipaddress.ip_network(mine)):
                raise NodeError(
                    f"this machine has a route to {target} by {device or route.get('gateway')}, "
                    f"which the embedded node's {mine} overlaps; take it away, or use another cluster (KUBECONFIG)"
                )


def claim(layout: Layout) -> bool:
    """The bridge with the node's address, marked as ours, and the kernel settings; says whether it was new."""
    new = owner() is None
    if new:
        # there may be no dummy device: a bridge without ports carries the address, and further nodes hang on it
        run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    run(["ip", "link", "set", BRIDGE, "alias", str(layout.root), "up"])
    run(["ip", "address", "replace", f"{ADDRESS}/24", "dev", BRIDGE])
    # kube-proxy rewrites what goes to a service, but there must be a route first, and there may be no default one
    run(["ip", "route", "replace", SERVICES, "dev", BRIDGE])
    _remember_settings(layout)
    for name, value in _SETTINGS.items():
        _set(_SYS / name, value)
    return new


def _remember_settings(layout: Layout) -> None:
    """Notes the kernel settings as they were, once, for `release`."""
    file = layout.root / "sysctl.json"
    if file.exists():
        return
    names = [name for name in (*_SETTINGS, *_CHANGED_BY_KUBERNETES) if (_SYS / name).exists()]
    write(file, json.dumps({name: (_SYS / name).read_text().strip() for name in names}, indent=1))


def _set(path: Path, value: str) -> None:
    if path.exists() and path.read_text().strip() != value:
        path.write_text(value)


def masquerade() -> None:
    """What leaves the cluster takes this machine's address. A crash would leave the chains of the CNI's ipMasq."""
    inside = f"{{ {NETWORK}, {PODS} }}"
    run(
        ["nft", "-f", "-"],
        f"table ip {TABLE}\ndelete table ip {TABLE}\n"
        f"table ip {TABLE} {{ chain post {{ type nat hook postrouting priority srcnat + 10; "
        f"ip saddr {inside} ip daddr != {inside} masquerade; }}; }}\n",
    )


def wire(machine: Machine) -> None:
    """The network namespace of a further node, on the bridge."""
    if machine.namespace is None or works([*machine.prefix, "ip", "route", "get", ADDRESS]):
        return
    unwire(machine)
    run(["ip", "netns", "add", machine.namespace])
    run(["ip", "link", "add", machine.link, "type", "veth", "peer", "name", "eth0", "netns", machine.namespace])
    run(["ip", "link", "set", machine.link, "master", BRIDGE, "up"])
    inside = machine.prefix
    run([*inside, "ip", "link", "set", "lo", "up"])
    run([*inside, "ip", "link", "set", "eth0", "up"])
    run([*inside, "ip", "address", "add", f"{machine.address}/24", "dev", "eth0"])
    for setting in ("ip_forward=1", "conf.all.send_redirects=0", "conf.default.send_redirects=0"):
        run([*inside, "sysctl", "-qw", f"net.ipv4.{setting}"])
    for number in range(NODES[0], NODES[1] + 1):
        other = machine.layout.machine(number)
        if other != machine:
            run([*inside, "ip", "route", "replace", other.pods, "via", other.address])
    run(["ip", "route", "replace", machine.pods, "via", machine.address])
    # last: it is what says above that the wiring is whole
    run([*inside, "ip", "route", "replace", "default", "via", ADDRESS])


def unwire(machine: Machine) -> None:
    """Takes a further node's namespace away, and with it its tables and interfaces."""
    if machine.namespace is None:
        return
    works(["ip", "link", "delete", machine.link])
    if Path(f"/run/netns/{machine.namespace}").exists():
        run(["ip", "netns", "delete", machine.namespace])


def release(layout: Layout) -> None:
    """Takes away bridge and masquerading and puts the kernel settings back."""
    works(["nft", "delete", "table", "ip", TABLE])
    if owner() == str(layout.root):
        run(["ip", "link", "delete", BRIDGE])
    for folder in _MADE_BY_KUBELET:
        with contextlib.suppress(OSError):
            folder.rmdir()  # only where it is empty
    file = layout.root / "sysctl.json"
    if file.exists():
        for name, value in json.loads(file.read_text()).items():
            _set(_SYS / name, value)
        file.unlink()


def drop(link: str) -> None:
    """Takes an interface away, if it is there."""
    works(["ip", "link", "delete", link])
