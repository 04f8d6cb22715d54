"""Kubernetes' label selectors and address blocks."""

import ipaddress
from collections.abc import Mapping
from typing import Any

Network = ipaddress.IPv4Network


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector selects an object with these labels; an empty one selects everything."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for expression in selector.get("matchExpressions") or []:
        key, values = expression["key"], expression.get("values") or []
        match expression["operator"]:
            case "In":
                holds = labels.get(key) in values
            case "NotIn":
                holds = labels.get(key) not in values
            case "Exists":
                holds = key in labels
            case "DoesNotExist":
                holds = key not in labels
            case _:
                holds = False
        if not holds:
            return False
    return True


def networks(block: Mapping[str, Any]) -> list[Network]:
    """An ipBlock's IPv4 networks, its exceptions taken out. An IPv6 block has none."""
    if ":" in block["cidr"]:
        return []
    left = [ipaddress.IPv4Network(block["cidr"], strict=False)]
    for exception in block.get("except") or []:
        out = ipaddress.IPv4Network(exception, strict=False)
        left = [part for network in left for part in _minus(network, out)]
    return left


def _minus(network: Network, out: Network) -> list[Network]:
    if network.subnet_of(out):
        return []
    return list(network.address_exclude(out)) if out.subnet_of(network) else [network]
