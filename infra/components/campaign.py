"""A campaign on the cluster: a master that directs, workers that load the front door, and who may talk to whom for it.

Everything that a campaign needs belongs to this component, the leave to pass the front door's policy too: when it goes,
the environment is what it was before. `python -m infra.campaign` puts it up, follows it, and takes it away again.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra import outputs, release
from infra.campaign_settings import CampaignSettings
from infra.components import haproxy, load_balancer, monitoring
from infra.components.component import NOT_AWAITED, Component, Environment
from infra.components.network import Peer, allow
from infra.components.pods import container, pod_template, selector
from infra.setting_types import bytes_of

MASTER, WORKER = "campaign-master", "campaign-worker"
RESULTS = "results"
"""Container of the master's pod that keeps its folder readable after the campaign: from an ended one nothing can be
copied. A container of its own, so that results outlive a master that dies of its memory limit."""
RESULTS_FOLDER = "/results"
MASTER_PORT = 5557  # Locust's
OUTPUTS, PLAN = "/run/secrets/environment/outputs.json", "/etc/campaign/plan.yaml"
LONGEST_SECONDS = 86400  # where neither `seconds` nor `limitSeconds` says more
AFTERWARDS_SECONDS = 3600  # to verify all that was stored, and to collect the results
KEPT_SECONDS = 3600  # an ended Job, if nobody takes it away


def deadline_seconds(settings: CampaignSettings) -> int:
    """When Kubernetes ends a campaign that nobody has taken away."""
    return max(LONGEST_SECONDS, settings.seconds or 0, settings.limit_seconds or 0) + AFTERWARDS_SECONDS


def master_arguments(settings: CampaignSettings) -> list[str]:
    """What the master is told; it tells its workers."""
    given = {
        "--campaign": settings.name or PLAN,
        "--run": settings.run,
        "--factor": settings.factor,
        "--seconds": settings.seconds,
        "--limit": settings.limit_seconds,
        "--studies": settings.studies,
        "--master": f":{MASTER_PORT}",
        "--workers": settings.workers,
        "--report-dir": RESULTS_FOLDER,
    }
    words = [word for option, value in given.items() if value is not None for word in (option, f"{value}")]
    return [*words, "--no-pdf"]  # what prints it (Chromium) is no part of the image


def environment_outputs(
    environment: Environment, namespace: str, password: str, authority: str, tested: Mapping[str, Any]
) -> dict[str, Any]:
    """The stack's outputs as a pod sees them. There is no way for the archive's C-MOVE to one of several workers."""
    settings = environment.settings
    return {
        "namespace": namespace,
        **outputs.front_door(settings, outputs.within(namespace), password, authority),
        "prometheus": {
            "url": f"http://{monitoring.PROMETHEUS}.{namespace}.svc.cluster.local:{monitoring.PROMETHEUS_PORT}"
        },
        "objectStore": outputs.capacity(settings),
        "moveDestination": None,
        "release": tested,
    }


class Campaign(Component):
    """Master and workers as Jobs. Their pods may reach the front door, the master, and (the master) Prometheus."""

    def __init__(
        self,
        environment: Environment,
        settings: CampaignSettings,
        password: pulumi.Output[str],
        authority: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Campaign", "campaign", opts)
        tested = release.release(environment.settings, environment.images)
        secret = kubernetes.core.v1.Secret(
            "campaign-environment",
            metadata=environment.metadata(),
            string_data={
                "outputs.json": pulumi.Output.all(environment.namespace, password, authority).apply(
                    lambda known: json.dumps(environment_outputs(environment, known[0], known[1], known[2], tested))
                )
            },
            opts=self.child(),
        )
        volumes: dict[str, dict[str, Any]] = {
            "environment": {"secret": {"secretName": secret.metadata["name"]}},
            "tmp": {"emptyDir": {}},
        }
        mounts = {"environment": "/run/secrets/environment", "tmp": "/tmp"}  # noqa: S108
        if settings.plan is not None:
            plan = kubernetes.core.v1.ConfigMap(
                "campaign-plan",
                metadata=environment.metadata(),
                data={"plan.yaml": settings.plan},
                opts=self.child(),
            )
            volumes["plan"] = {"configMap": {"name": plan.metadata["name"]}}
            mounts["plan"] = "/etc/campaign"
        service = kubernetes.core.v1.Service(
            MASTER,
            metadata={**environment.metadata(MASTER, MASTER), **NOT_AWAITED},
            spec={"selector": selector(MASTER)["matchLabels"], "ports": [{"name": "locust", "port": MASTER_PORT}]},
            opts=self.child(),
        )
        policies = self._policies(environment)
        self._job(
            environment,
            settings,
            MASTER,
            self._master(environment, settings, mounts),
            {**volumes, RESULTS: {"emptyDir": {}}},
            policies,
        )
        self._job(
            environment,
            settings,
            WORKER,
            [self._container(environment, settings, "worker", ["--worker", f"{MASTER}:{MASTER_PORT}"], mounts)],
            volumes,
            [*policies, service],
            completions=settings.workers,
            parallelism=settings.workers,
            completionMode="Indexed",
        )
        self.register_outputs({})

    def _policies(self, environment: Environment) -> list[pulumi.Resource]:
        door = Peer([haproxy.DICOM, haproxy.DICOM_TLS, haproxy.HTTPS], apps=[load_balancer.APP_NAME])
        numbers = Peer([monitoring.PROMETHEUS_PORT], apps=[monitoring.PROMETHEUS])

        def admitted(name: str, app: str, *peers: Peer) -> kubernetes.networking.v1.NetworkPolicy:
            """Further callers of an app, which has its own policy: Kubernetes allows what any of them allows."""
            return kubernetes.networking.v1.NetworkPolicy(
                name,
                metadata=environment.metadata(name, MASTER),
                spec={
                    "podSelector": selector(app),
                    "policyTypes": ["Ingress"],
                    "ingress": [peer.rule("from") for peer in peers],
                },
                opts=self.child(),
            )

        return [
            allow(
                self,
                environment,
                MASTER,
                ingress=[Peer([MASTER_PORT], apps=[WORKER])],
                egress=[door, numbers],
            ),
            allow(self, environment, WORKER, egress=[door, Peer([MASTER_PORT], apps=[MASTER])]),
            admitted("campaign-front-door", load_balancer.APP_NAME, Peer(door.ports, apps=[MASTER, WORKER])),
            admitted("campaign-prometheus", monitoring.PROMETHEUS, Peer(numbers.ports, apps=[MASTER])),
        ]

    def _master(
        self, environment: Environment, settings: CampaignSettings, mounts: Mapping[str, str]
    ) -> list[dict[str, Any]]:
        with_results = {**mounts, RESULTS: RESULTS_FOLDER}
        master = self._container(environment, settings, "master", master_arguments(settings), with_results)
        return [
            {**master, "ports": [{"name": "locust", "containerPort": MASTER_PORT}]},
            container(
                RESULTS,
                environment.images[release.LOAD_GENERATOR],
                cpu="10m",
                memory="64Mi",
                mounts={RESULTS: RESULTS_FOLDER},
                # process 1 hears no signal without a trap
                command=["sh", "-c", f"trap exit TERM; sleep {deadline_seconds(settings)} & wait"],
            ),
        ]

    def _container(
        self,
        environment: Environment,
        settings: CampaignSettings,
        name: str,
        arguments: Sequence[str],
        mounts: Mapping[str, str],
    ) -> dict[str, Any]:
        return container(
            name,
            environment.images[release.LOAD_GENERATOR],
            cpu=settings.cpu,
            memory=f"{bytes_of(settings.memory) // 4}",
            memory_limit=settings.memory,
            mounts=mounts,
            env=[{"name": "HOME", "value": "/tmp"}],  # noqa: S108 (the root file system is read-only)
            command=["vnaops-campaign", "run", "--outputs", OUTPUTS, *arguments],
        )

    def _job(
        self,
        environment: Environment,
        settings: CampaignSettings,
        app: str,
        containers: Sequence[Mapping[str, Any]],
        volumes: Mapping[str, Mapping[str, Any]],
        after: Sequence[pulumi.Resource],
        **spec: Any,
    ) -> None:
        template = pod_template(
            app, containers, volumes=volumes, restartPolicy="Never", terminationGracePeriodSeconds=5
        )
        kubernetes.batch.v1.Job(
            app,
            # the command follows the campaign; Pulumi would wait for its end
            metadata={**environment.metadata(app, app), **NOT_AWAITED},
            spec={
                "backoffLimit": 0,  # a worker's second life would store the first one's instances again
                "activeDeadlineSeconds": deadline_seconds(settings),
                "ttlSecondsAfterFinished": KEPT_SECONDS,
                "template": template,
                **spec,
            },
            opts=self.child(depends_on=list(after), delete_before_replace=True),
        )
