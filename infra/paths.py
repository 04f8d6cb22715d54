"""Where things lie outside the work tree: one function per place, after the XDG base directory specification.

Nothing else in `infra` spells such a path. `VNAOPS_STATE` and `VNAOPS_CACHE` move the two roots (tests use it).
"""

import os
from pathlib import Path


def _xdg(override: str, variable: str, default: str) -> Path:
    if own := os.environ.get(override):
        return Path(own)
    base = os.environ.get(variable) or str(Path.home() / default)
    return Path(base) / "vnaops"


def cache_dir() -> Path:
    """What can be made again: built tools, downloaded wheels."""
    return _xdg("VNAOPS_CACHE", "XDG_CACHE_HOME", ".cache")


def state_dir() -> Path:
    """What must be kept: the embedded node, Pulumi's state, credentials, outputs."""
    return _xdg("VNAOPS_STATE", "XDG_STATE_HOME", ".local/state")


def tools_dir() -> Path:
    """Built tools: one folder per tool and version; `bin/` in it has a link to each that is in use."""
    return cache_dir() / "tools"


def tools_bin() -> Path:
    """The folder to put first on PATH: pulumi, its language host, kubectl, promtool, the node's binaries."""
    return tools_dir() / "bin"


def node_dir() -> Path:
    """The embedded Kubernetes: certificates, etcd, containerd, logs, volumes."""
    return state_dir() / "node"


def node_kubeconfig() -> Path:
    """The embedded node's administrator kubeconfig (mode 0600)."""
    return node_dir() / "admin.kubeconfig"


def registry_dir() -> Path:
    """The embedded registry's storage; its image tags are content keys, so that it is the build cache too."""
    return state_dir() / "registry"


def images_file() -> Path:
    """JSON: image name -> reference by digest (`HOST:PORT/vnaops/NAME@sha256:…`), written by the image builds."""
    return state_dir() / "images.json"


def pulumi_state_dir() -> Path:
    """The file backend of Pulumi's state for the embedded node."""
    return state_dir() / "pulumi"


def passphrase_file() -> Path:
    """The passphrase of Pulumi's secrets, made once per machine (mode 0600)."""
    return state_dir() / "pulumi-passphrase"


def credentials_file() -> Path:
    """AWS shared credentials file (mode 0600) that `vnaops:index:Credentials` writes profiles into."""
    return state_dir() / "s3-credentials"


def stack_copies_dir() -> Path:
    """Copies of the stacks' files, made for one command each: Pulumi writes its salt into them."""
    return state_dir() / "stacks"


def outputs_dir() -> Path:
    """The outputs of every stack."""
    return state_dir() / "outputs"


def outputs_file(stack: str) -> Path:
    """A stack's outputs as JSON, secrets included (mode 0600): what campaigns and tests read."""
    return outputs_dir() / f"{stack}.json"
