"""The archive's index: PostgreSQL under Patroni, one member or more, with Kubernetes as Patroni's consensus store."""

import json
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra.components.component import APP, Component, Environment
from infra.components.network import Peer, allow
from infra.components.pods import claim, container, http_probe, pod_template, selector
from infra.providers.vnaops.resources import Certificate, Secret

APP_NAME = "database"
CLUSTER_LABEL = "patroni-cluster"  # not Patroni's default `cluster-name`: that reads like the Kubernetes cluster's
PORT, REST_PORT = 5432, 8008
MONITORING = "monitoring"
MEMBERS = "database-members"  # resolves to every member's pod


def patroni_settings(members: int, passwords: dict[str, str]) -> dict[str, Any]:
    """patroni.yaml (YAML is a superset of JSON). Pod name and address come from the environment of the pod."""
    return {
        "scope": APP_NAME,
        "restapi": {"listen": f"0.0.0.0:{REST_PORT}"},
        "kubernetes": {
            "labels": {APP: APP_NAME},
            "scope_label": CLUSTER_LABEL,
            "role_label": "role",
            "leader_label_value": "primary",
            "use_endpoints": False,
        },
        "bootstrap": {
            "dcs": {
                "ttl": 20,
                "loop_wait": 5,
                "retry_timeout": 5,
                # with a second member nothing acknowledged may be on one disk only
                "synchronous_mode": members > 1,
                # the same on all members, hence in Patroni's store; everything else stands below and follows the file
                "postgresql": {"use_pg_rewind": True, "parameters": {"max_connections": 100}},
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, "data-checksums"],
            "post_bootstrap": "/run/secrets/patroni/post-bootstrap",
        },
        "postgresql": {
            "listen": f"0.0.0.0:{PORT}",
            "data_dir": "/data/postgresql",
            "bin_dir": "/usr/lib/postgresql/17/bin",
            # whoever becomes primary has the roles that were declared since the first start
            "callbacks": dict.fromkeys(("on_start", "on_role_change"), "/run/secrets/patroni/roles"),
            "pgpass": "/tmp/pgpass",  # noqa: S108 (the pod's own emptyDir)
            "parameters": {
                "shared_buffers": "128MB",
                "wal_compression": "lz4",
                "max_wal_size": "1GB",
                # a replica that vanished (node lost, pod killed) gives up its locks, on which the next writer waits
                "tcp_keepalives_idle": 10,
                "tcp_keepalives_interval": 5,
                "tcp_keepalives_count": 3,
                "idle_in_transaction_session_timeout": "60s",
                "unix_socket_directories": "/tmp",  # noqa: S108
                "ssl": "on",
                "ssl_cert_file": "/run/secrets/tls/tls.crt",
                "ssl_key_file": "/run/secrets/tls/tls.key",
                "ssl_ca_file": "/run/secrets/tls/ca.crt",
            },
            "pg_hba": [
                "local all all trust",  # the socket lies in the pod's own /tmp
                "hostssl replication replication 0.0.0.0/0 scram-sha-256",
                "hostssl all all 0.0.0.0/0 scram-sha-256",
            ],
            "authentication": {
                user: {"username": name, "password": passwords[user]}
                for user, name in (("superuser", "postgres"), ("replication", "replication"))
            },
        },
    }


def bootstrap_sql(password: str) -> str:
    """What the first start makes: the archive's own role and database."""
    return f"CREATE ROLE archive LOGIN PASSWORD '{password}';\nCREATE DATABASE archive OWNER archive;\n"


ROLES = """\
#!/bin/sh
# Patroni calls it with action, role and scope, for a promotion at its beginning: PostgreSQL takes writes a moment later
[ "$2" = primary ] || exit 0
sql="psql --no-psqlrc --quiet --host=/tmp --username=postgres --set=ON_ERROR_STOP=1"
for _ in $(seq 60); do
  if [ "$($sql --tuples-only --no-align --command='SELECT pg_is_in_recovery()')" = f ]; then
    exec $sql --file=/run/secrets/patroni/monitoring.sql
  fi
  sleep 1
done
exit 1
"""


def monitoring_sql(password: str) -> str:
    """The role that looks at statistics (pg_monitor) and at no table; it may be run again and again."""
    return (
        # a statement that fails would be logged, and the password with it
        "SET log_min_error_statement = panic;\n"
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{MONITORING}') "
        f"THEN CREATE ROLE {MONITORING}; END IF; END $$;\n"
        f"ALTER ROLE {MONITORING} LOGIN CONNECTION LIMIT 5 PASSWORD '{password}';\n"
        f"GRANT pg_monitor TO {MONITORING};\n"
    )


class Database(Component):
    """PostgreSQL at `host`:5432, TLS only; `password` is the archive's, `monitoring_password` that of `MONITORING`."""

    host: pulumi.Output[str]
    password: pulumi.Output[str]
    monitoring_password: pulumi.Output[str]

    def __init__(
        self,
        environment: Environment,
        authority: Certificate,
        api_server: pulumi.Output[list[Peer]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("Database", APP_NAME, opts)
        settings = environment.settings.database
        passwords = {
            user: Secret(f"database-{user}", length=32, opts=self.child()).value
            for user in ("superuser", "replication", "archive", MONITORING)
        }
        certificate = Certificate(
            "database-tls",
            common_name=APP_NAME,
            dns_names=[APP_NAME, environment.namespace.apply(lambda ns: f"{APP_NAME}.{ns}.svc.cluster.local")],
            ca_certificate=authority.certificate,
            ca_private_key=authority.private_key,
            opts=self.child(),
        )
        configuration = kubernetes.core.v1.Secret(
            "database-patroni",
            metadata=environment.metadata(),
            string_data={
                "patroni.yaml": pulumi.Output.all(**passwords).apply(
                    lambda known: json.dumps(patroni_settings(settings.members, known), indent=1)
                ),
                "archive.sql": passwords["archive"].apply(bootstrap_sql),
                "monitoring.sql": passwords[MONITORING].apply(monitoring_sql),
                "roles": ROLES,
                # Patroni calls it with the superuser's connection string
                "post-bootstrap": "#!/bin/sh\nexec psql --quiet --set=ON_ERROR_STOP=1 "
                '--file=/run/secrets/patroni/archive.sql "$1"\n',
            },
            opts=self.child(),
        )
        tls = kubernetes.core.v1.Secret(
            "database-certificate",
            metadata=environment.metadata(),
            string_data={
                "tls.crt": certificate.certificate,
                "tls.key": certificate.private_key,
                "ca.crt": authority.certificate,
            },
            opts=self.child(),
        )
        account = self._account(environment)
        policy = allow(
            self,
            environment,
            APP_NAME,
            ingress=[
                Peer([PORT], apps=["archive", "postgres-exporter"]),
                Peer([PORT, REST_PORT], apps=[APP_NAME]),
                Peer([REST_PORT], apps=["prometheus"]),
            ],
            egress=api_server.apply(lambda peers: [*peers, Peer([PORT, REST_PORT], apps=[APP_NAME])]),
        )
        headless = kubernetes.core.v1.Service(
            "database-members",
            metadata=environment.metadata(MEMBERS, APP_NAME),
            spec={
                "clusterIP": "None",
                "publishNotReadyAddresses": True,
                "selector": {APP: APP_NAME},
                "ports": [{"name": "postgresql", "port": PORT}, {"name": "rest", "port": REST_PORT}],
            },
            opts=self.child(),
        )
        members = kubernetes.apps.v1.StatefulSet(
            "database",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            spec={
                "replicas": settings.members,
                "serviceName": headless.metadata["name"],
                "podManagementPolicy": "Parallel",
                "selector": selector(APP_NAME),
                "template": pod_template(
                    APP_NAME,
                    [
                        container(
                            "patroni",
                            environment.images["postgres"],
                            cpu=settings.cpu,
                            memory=settings.memory,
                            memory_limit="2Gi",
                            ports={"postgresql": PORT, "rest": REST_PORT},
                            mounts={
                                "data": "/data",
                                "patroni": "/run/secrets/patroni",
                                "tls": "/run/secrets/tls",
                                "tmp": "/tmp",  # noqa: S108
                            },
                            args=["/run/secrets/patroni/patroni.yaml"],
                            env=[
                                {"name": "PATRONI_NAME", "valueFrom": field("metadata.name")},
                                {"name": "PATRONI_KUBERNETES_NAMESPACE", "valueFrom": field("metadata.namespace")},
                                {"name": "PATRONI_KUBERNETES_POD_IP", "valueFrom": field("status.podIP")},
                                {
                                    "name": "PATRONI_POSTGRESQL_CONNECT_ADDRESS",
                                    "value": f"$(PATRONI_KUBERNETES_POD_IP):{PORT}",
                                },
                                {
                                    "name": "PATRONI_RESTAPI_CONNECT_ADDRESS",
                                    "value": f"$(PATRONI_KUBERNETES_POD_IP):{REST_PORT}",
                                },
                            ],
                            readinessProbe=http_probe("/readiness", "rest", period=2),
                            livenessProbe=http_probe("/liveness", "rest", period=10, failures=6),
                        )
                    ],
                    volumes={
                        "patroni": {"secret": {"secretName": configuration.metadata["name"], "defaultMode": 0o550}},
                        "tls": {"secret": {"secretName": tls.metadata["name"], "defaultMode": 0o440}},
                        "tmp": {"emptyDir": {}},
                    },
                    labels={CLUSTER_LABEL: APP_NAME},
                    service_account=account,
                    terminationGracePeriodSeconds=60,
                ),
                "volumeClaimTemplates": [claim("data", settings.size, environment.settings.storage_class_name)],
            },
            opts=self.child(depends_on=[policy]),
        )
        service = kubernetes.core.v1.Service(
            "database-primary",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            spec={
                "selector": {APP: APP_NAME, "role": "primary"},
                "ports": [{"name": "postgresql", "port": PORT}],
            },
            opts=self.child(depends_on=[members]),
        )
        self.host = pulumi.Output.all(service.metadata["name"], environment.namespace).apply(
            lambda parts: f"{parts[0]}.{parts[1]}.svc.cluster.local"
        )
        self.password = passwords["archive"]
        self.monitoring_password = passwords[MONITORING]
        self.register_outputs({"host": self.host})

    def _account(self, environment: Environment) -> pulumi.Output[str]:
        """The service account with which Patroni keeps its leader in ConfigMaps and labels its pods."""
        account = kubernetes.core.v1.ServiceAccount(
            "database", metadata=environment.metadata(APP_NAME, APP_NAME), opts=self.child()
        )
        role = kubernetes.rbac.v1.Role(
            "database",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            rules=[
                {
                    "apiGroups": [""],
                    "resources": ["configmaps"],
                    "verbs": ["create", "get", "list", "patch", "update", "watch", "delete"],
                },
                {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "patch", "update", "watch"]},
            ],
            opts=self.child(),
        )
        binding = kubernetes.rbac.v1.RoleBinding(
            "database",
            metadata=environment.metadata(APP_NAME, APP_NAME),
            role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role.metadata["name"]},
            subjects=[{"kind": "ServiceAccount", "name": account.metadata["name"], "namespace": environment.namespace}],
            opts=self.child(),
        )
        return pulumi.Output.all(account.metadata["name"], binding.id).apply(lambda parts: str(parts[0]))


def field(path: str) -> dict[str, Any]:
    """The value of an environment variable from the pod's own object."""
    return {"fieldRef": {"fieldPath": path}}
