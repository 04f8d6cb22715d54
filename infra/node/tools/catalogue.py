"""Which tools there are, in which version, and what they can be made of."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class OnPath:
    """When a program on PATH is used instead of one made here."""

    version_command: tuple[str, ...]
    at_least: tuple[int, ...]
    below: tuple[int, ...]
    beside: tuple[str, ...] = ()
    """Programs that must lie in the same folder."""


@dataclass(frozen=True)
class GoModule:
    """A folder of this package with the go.mod and go.sum of one build."""

    folder: str
    packages: Mapping[str, str]
    """Program name -> package that is its `main`."""
    ldflags: str = "-s -w"
    scripts: tuple[str, ...] = ()
    """Files of `scripts_from`, a module of this build, that are programs as they are."""
    scripts_from: str = ""


@dataclass(frozen=True)
class Tool:
    """Programs that are made and replaced together. The first one is the tool's own."""

    name: str
    version: str
    """What is built; of a Debian package, what is the least that suits."""
    programs: tuple[str, ...]
    modules: tuple[GoModule, ...] = ()
    debian_package: str = ""
    on_path: OnPath | None = None


KUBERNETES = "1.34.3"
KUBERNETES_LDFLAGS = f"-s -w -X k8s.io/component-base/version.gitVersion=v{KUBERNETES}"


def _kubernetes(*programs: str) -> GoModule:
    return GoModule("kubernetes", {name: f"k8s.io/kubernetes/cmd/{name}" for name in programs}, KUBERNETES_LDFLAGS)


NODE_PROGRAMS = ("kubelet", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")
PULUMI_SDK = "github.com/pulumi/pulumi/sdk/v3"
PULUMI_SCRIPTS = (
    "python/cmd/pulumi-language-python-exec",
    "python/dist/pulumi-resource-pulumi-python",
    "python/dist/pulumi-analyzer-policy-python",
)
SLOTH = "0.12.0"
ALERTMANAGER = "0.28.1"

TOOLS = (
    Tool("kubernetes", KUBERNETES, NODE_PROGRAMS, (_kubernetes(*NODE_PROGRAMS),)),
    Tool(
        "kubectl",
        KUBERNETES,
        ("kubectl",),
        (_kubernetes("kubectl"),),
        # Kubernetes' version skew policy: one minor version older or newer than the API server.
        on_path=OnPath(("version", "--client"), at_least=(1, 33), below=(1, 36)),
    ),
    Tool("etcd", "3.6.5", ("etcd",), (GoModule("etcd", {"etcd": "go.etcd.io/etcd/server/v3"}),)),
    Tool(
        "pulumi",
        "3.250.0",
        # One tool, since the CLI warns of a language host that does not lie in its own folder.
        ("pulumi", "pulumi-language-python", *(script.rsplit("/", 1)[1] for script in PULUMI_SCRIPTS)),
        (
            GoModule(
                "pulumi",
                {"pulumi": "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
                f"-s -w -X {PULUMI_SDK}/go/common/version.Version=3.250.0",
            ),
            # The language host's own module is refused by the module proxy; up to 3.75 it is part of the SDK, and the
            # CLI of today speaks with it.
            GoModule(
                "pulumi_python",
                {"pulumi-language-python": f"{PULUMI_SDK}/python/cmd/pulumi-language-python"},
                scripts=PULUMI_SCRIPTS,
                scripts_from=PULUMI_SDK,
            ),
        ),
        on_path=OnPath(("version",), at_least=(3, 250), below=(4,), beside=("pulumi-language-python",)),
    ),
    Tool("coredns", "1.13.1", ("coredns",), (GoModule("coredns", {"coredns": "github.com/coredns/coredns"}),)),
    Tool(
        "sloth",
        SLOTH,
        ("sloth",),
        (
            GoModule(
                "sloth",
                {"sloth": "github.com/slok/sloth/cmd/sloth"},
                f"-s -w -X github.com/slok/sloth/internal/info.Version=v{SLOTH}",
            ),
        ),
        # exactly this one: another writes other rules than those that are committed
        on_path=OnPath(("version",), at_least=(0, 12, 0), below=(0, 12, 1)),
    ),
    Tool(
        "promtool",
        "2.42.0",
        ("promtool", "prometheus"),
        debian_package="prometheus",
        on_path=OnPath(("--version",), at_least=(2, 42), below=(4,), beside=("prometheus",)),
    ),
    Tool(
        "amtool",
        ALERTMANAGER,
        ("amtool", "alertmanager"),
        (
            GoModule(
                "alertmanager",
                {name: f"github.com/prometheus/alertmanager/cmd/{name}" for name in ("amtool", "alertmanager")},
                f"-s -w -X github.com/prometheus/common/version.Version={ALERTMANAGER}",
            ),
        ),
        # Debian 12's is 0.25, to which the webhooks' `url_file` is an error; the image's is 0.28
        on_path=OnPath(("--version",), at_least=(0, 26), below=(1,), beside=("alertmanager",)),
    ),
)
