"""`python -m infra.providers.kubernetes`: the plug-in as the engine starts it; it says its port and serves."""

from infra.providers.base.server import main
from infra.providers.kubernetes.provider import KubernetesProvider

if __name__ == "__main__":
    main(KubernetesProvider())
