"""Cases of the alerts on nodes, cluster, containers, PostgreSQL, HAProxy, the embedded store and HTTP."""

from tests.rules.case import STEP, Case, steadily

NODE = {"node": "node1"}
POD = {"namespace": "vnaops-dev", "pod": "archive-0", "container": "archive"}
IN_POD = '{container="archive",namespace="vnaops-dev",pod="archive-0"}'
MEMBER = {"instance": "10.244.1.7:5432"}
OF_MEMBER = '{instance="10.244.1.7:5432"}'
IN_DATABASE = '{datname="archive",instance="10.244.1.7:5432",state="active"}'
ETCD = '{instance="10.89.0.1:2381"}'


def of(series: str, **labels: str) -> str:
    """A series by name and labels."""
    pairs = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{series}{{{pairs}}}"


def slow(series: str, le: str, **labels: str) -> dict[str, str]:
    """Nine of ten are beyond the bucket `le`, and below the next."""
    return {
        of(f"{series}_bucket", le=le, **labels): steadily(0, 1),
        of(f"{series}_bucket", le="1000", **labels): steadily(0, 10),
        of(f"{series}_bucket", le="+Inf", **labels): steadily(0, 10),
    }


def quick(series: str, le: str, **labels: str) -> dict[str, str]:
    """All are within the bucket `le`."""
    return {of(f"{series}_bucket", le=one, **labels): steadily(0, 10) for one in (le, "+Inf")}


def share(series: str, bad: dict[str, str], good: dict[str, str], wrong: float) -> dict[str, str]:
    """Ten more at every step, of which so many are bad."""
    return {of(series, **bad): steadily(0, wrong), of(series, **good): steadily(0, 10 - wrong)}


def both(first: str, one: float, second: str, other: float) -> dict[str, str]:
    """Two gauges that stay as they are."""
    return {first: steadily(one), second: steadily(other)}


GIB = 1 << 30
NODES = {
    "NodeNotReady": Case(
        {of("up", job="kubelet", node="node1"): steadily(0)},
        NODE,
        well={
            of("up", job="kubelet", node="node1"): steadily(1),
            of("kubelet_pleg_last_seen_seconds", node="node1"): steadily(0, STEP),
        },
    ),
    "NodeDiskFull": Case(
        both(
            of("node_filesystem_avail_bytes", mountpoint="/", node="node1"),
            4 * GIB,
            of("node_filesystem_size_bytes", mountpoint="/", node="node1"),
            100 * GIB,
        ),
        {"mountpoint": "/", **NODE},
        well=both(
            of("node_filesystem_avail_bytes", mountpoint="/", node="node1"),
            6 * GIB,
            of("node_filesystem_size_bytes", mountpoint="/", node="node1"),
            100 * GIB,
        ),
    ),
    "NodeDiskFillsUp": Case(
        {
            of("node_filesystem_avail_bytes", mountpoint="/", node="node1"): steadily(19 * GIB, -(5 << 20)),
            of("node_filesystem_size_bytes", mountpoint="/", node="node1"): steadily(100 * GIB),
        },
        {"mountpoint": "/", **NODE},
        onset=STEP,  # predict_linear takes two points
        well={
            of("node_filesystem_avail_bytes", mountpoint="/", node="node1"): steadily(19 * GIB, -(1 << 20)),
            of("node_filesystem_size_bytes", mountpoint="/", node="node1"): steadily(100 * GIB),
        },
    ),
    "NodeMemoryShort": Case(
        both(of("node_memory_MemAvailable_bytes", **NODE), 9, of("node_memory_MemTotal_bytes", **NODE), 100),
        NODE,
        well=both(of("node_memory_MemAvailable_bytes", **NODE), 11, of("node_memory_MemTotal_bytes", **NODE), 100),
    ),
    "NodeClockSkew": Case(
        {of("node_time_seconds", **NODE): steadily(2.1, STEP)},
        NODE,
        well={
            of("node_time_seconds", **NODE): steadily(1.9, STEP),
            of("node_timex_offset_seconds", **NODE): steadily(-0.049),
        },
    ),
    "KubeletErrors": Case(
        {
            of("kubelet_runtime_operations_errors_total", operation_type="create_container", **NODE): steadily(0, 3),
            of("kubelet_runtime_operations_total", operation_type="create_container", **NODE): steadily(0, 10),
        },
        {"operation_type": "create_container", **NODE},
        onset=STEP,
        well={
            of("kubelet_runtime_operations_errors_total", operation_type="create_container", **NODE): steadily(0, 1),
            of("kubelet_runtime_operations_total", operation_type="create_container", **NODE): steadily(0, 10),
        },
    ),
    "PodsStartSlowly": Case(
        slow("kubelet_pod_start_duration_seconds", "120", **NODE),
        NODE,
        onset=STEP,
        well=quick("kubelet_pod_start_duration_seconds", "120", **NODE),
    ),
}
CLUSTER = {
    "ApiServerErrors": Case(
        share("apiserver_request_total", {"code": "500"}, {"code": "200"}, 1),
        onset=STEP,
        well=share("apiserver_request_total", {"code": "500"}, {"code": "200"}, 0.2),
    ),
    "ApiServerSlow": Case(
        slow("apiserver_request_duration_seconds", "1", verb="GET"),
        {"verb": "GET"},
        onset=STEP,
        well=quick("apiserver_request_duration_seconds", "1", verb="GET")
        | slow("apiserver_request_duration_seconds", "1", verb="WATCH"),
    ),
    "EtcdNoLeader": Case(
        {f"etcd_server_has_leader{ETCD}": steadily(0)},
        {"instance": "10.89.0.1:2381"},
        well={f"etcd_server_has_leader{ETCD}": steadily(1)},
    ),
    "EtcdDatabaseFull": Case(
        both(f"etcd_mvcc_db_total_size_in_bytes{ETCD}", 81, f"etcd_server_quota_backend_bytes{ETCD}", 100),
        {"instance": "10.89.0.1:2381"},
        well=both(f"etcd_mvcc_db_total_size_in_bytes{ETCD}", 79, f"etcd_server_quota_backend_bytes{ETCD}", 100),
    ),
    "EtcdDiskSlow": Case(
        slow("etcd_disk_wal_fsync_duration_seconds", "0.5", instance="10.89.0.1:2381"),
        {"instance": "10.89.0.1:2381"},
        onset=STEP,
        well=quick("etcd_disk_wal_fsync_duration_seconds", "0.5", instance="10.89.0.1:2381"),
    ),
}
CONTAINERS = {
    "ContainerRestarts": Case(
        {of("container_start_time_seconds", id="/kubepods/burstable/pod1f-2e/ab", **POD): steadily(1000, STEP)},
        POD,
        onset=90,  # four starts, seen every 30 s
        # rollouts: new pods under the same name from 900 s on, every 120 s, each started once
        well={
            of("container_start_time_seconds", id=f"/kubepods/burstable/pod{uid}/ab", **POD): f"_x{at} {1000 + at}x100"
            for at, uid in ((60, "1f-2e"), (68, "2f-3e"), (76, "3f-4e"), (84, "4f-5e"))
        },
    ),
    "ContainerThrottled": Case(
        {
            f"container_cpu_cfs_throttled_periods_total{IN_POD}": steadily(0, 30),
            f"container_cpu_cfs_periods_total{IN_POD}": steadily(0, 100),
        },
        POD,
        onset=STEP,
        well={
            f"container_cpu_cfs_throttled_periods_total{IN_POD}": steadily(0, 20),
            f"container_cpu_cfs_periods_total{IN_POD}": steadily(0, 100),
        },
    ),
    "ContainerNearMemoryLimit": Case(
        both(f"container_memory_working_set_bytes{IN_POD}", 91, f"container_spec_memory_limit_bytes{IN_POD}", 100),
        POD,
        # a container without a limit has the limit 0
        well=both(f"container_memory_working_set_bytes{IN_POD}", 91, f"container_spec_memory_limit_bytes{IN_POD}", 0),
    ),
    "VolumeNearlyFull": Case(
        both(
            of("kubelet_volume_stats_available_bytes", namespace="vnaops-dev", persistentvolumeclaim="data-database-0"),
            9,
            of("kubelet_volume_stats_capacity_bytes", namespace="vnaops-dev", persistentvolumeclaim="data-database-0"),
            100,
        ),
        {"namespace": "vnaops-dev", "persistentvolumeclaim": "data-database-0"},
        well=both(
            of("kubelet_volume_stats_available_bytes", namespace="vnaops-dev", persistentvolumeclaim="data-database-0"),
            11,
            of("kubelet_volume_stats_capacity_bytes", namespace="vnaops-dev", persistentvolumeclaim="data-database-0"),
            100,
        ),
    ),
}
DATABASE = {
    "DatabaseConnectionsNearLimit": Case(
        {
            of("pg_stat_activity_count", state="active", **MEMBER): steadily(40),
            of("pg_stat_activity_count", state="idle", **MEMBER): steadily(41),
            f"pg_settings_max_connections{OF_MEMBER}": steadily(100),
        },
        MEMBER,
        well={
            of("pg_stat_activity_count", state="active", **MEMBER): steadily(40),
            of("pg_stat_activity_count", state="idle", **MEMBER): steadily(39),
            f"pg_settings_max_connections{OF_MEMBER}": steadily(100),
        },
    ),
    "DatabaseReplicationLag": Case(
        {f"pg_replication_lag_seconds{OF_MEMBER}": steadily(31)},
        MEMBER,
        well={f"pg_replication_lag_seconds{OF_MEMBER}": steadily(29)},
    ),
    "DatabaseDeadlocks": Case(
        {of("pg_stat_database_deadlocks", datname="archive"): steadily(0, 1000)},
        {"datname": "archive"},
        onset=STEP,
        well={of("pg_stat_database_deadlocks", datname="archive"): steadily(0, 0)},
    ),
    "DatabaseLongTransaction": Case(
        {f"pg_stat_activity_max_tx_duration{IN_DATABASE}": steadily(901)},
        {"datname": "archive", **MEMBER},
        well={f"pg_stat_activity_max_tx_duration{IN_DATABASE}": steadily(899)},
    ),
    "DatabaseTransactionIdsRunOut": Case(
        {of("pg_database_wraparound_age_datfrozenxid_seconds", datname="archive", **MEMBER): steadily(1_000_000_001)},
        {"datname": "archive", **MEMBER},
        well={
            of("pg_database_wraparound_age_datfrozenxid_seconds", datname="archive", **MEMBER): steadily(200_000_000)
        },
    ),
    "DatabaseNotLookedAt": Case({f"pg_up{OF_MEMBER}": steadily(0)}, MEMBER, well={f"pg_up{OF_MEMBER}": steadily(1)}),
}
READERS = {"proxy": "http_readers"}
BALANCER = {
    "BalancerQueue": Case(
        {of("haproxy_backend_current_queue", **READERS): steadily(1)},
        READERS,
        well={of("haproxy_backend_current_queue", **READERS): "1x4 0x4 1x4 0x3000"},
    ),
    "BalancerServerErrors": Case(
        {
            of("haproxy_backend_http_responses_total", code="5xx", **READERS): steadily(0, 6),
            of("haproxy_backend_http_requests_total", **READERS): steadily(0, 100),
        },
        READERS,
        onset=STEP,
        well={
            of("haproxy_backend_http_responses_total", code="5xx", **READERS): steadily(0, 4),
            of("haproxy_backend_http_requests_total", **READERS): steadily(0, 100),
            of("haproxy_backend_http_responses_total", code="5xx", proxy="http_writers"): steadily(0, 0.1),
            of("haproxy_backend_http_requests_total", proxy="http_writers"): steadily(0, 0.1),
        },
    ),
    "BalancerRetries": Case(
        {of("haproxy_backend_retry_warnings_total", **READERS): steadily(0, 1000)},
        READERS,
        onset=STEP,
        well={of("haproxy_backend_retry_warnings_total", **READERS): steadily(0, 2)},
    ),
    "BalancerSessionLimit": Case(
        both(
            of("haproxy_frontend_current_sessions", proxy="dicom"),
            81,
            of("haproxy_frontend_limit_sessions", proxy="dicom"),
            100,
        ),
        {"proxy": "dicom"},
        well=both(
            of("haproxy_frontend_current_sessions", proxy="dicom"),
            79,
            of("haproxy_frontend_limit_sessions", proxy="dicom"),
            100,
        ),
    ),
}
READ_ONLY = "SeaweedFS_volumeServer_read_only_volumes"
STORE = {
    "ObjectStoreDiskFull": Case(
        both(
            of("SeaweedFS_volumeServer_resource", type="avail"),
            9,
            of("SeaweedFS_volumeServer_resource", type="all"),
            100,
        ),
        well=both(
            of("SeaweedFS_volumeServer_resource", type="avail"),
            11,
            of("SeaweedFS_volumeServer_resource", type="all"),
            100,
        ),
    ),
    "ObjectStoreVolumesReadOnly": Case(
        {of(READ_ONLY, collection="archive", type="isDiskSpaceLow"): steadily(1)},
        {"collection": "archive"},
        # a volume that is full takes no more either, and that is as it should be
        well={of(READ_ONLY, collection="archive", type="noWriteCanDelete"): steadily(1)},
    ),
    "ObjectStoreErrors": Case(
        share("SeaweedFS_s3_request_total", {"code": "500"}, {"code": "200"}, 0.2),
        onset=STEP,
        well=share("SeaweedFS_s3_request_total", {"code": "500"}, {"code": "200"}, 0.05),
    ),
    "ObjectStoreDiskErrors": Case(
        {"SeaweedFS_volumeServer_storage_io_error_total": steadily(0, 1)},
        onset=STEP,
        well={
            "SeaweedFS_volumeServer_storage_io_error_total": steadily(3),
            of("SeaweedFS_volumeServer_disk_error_status", type="error"): steadily(0),
        },
    ),
}
TRANSACTIONS = "http_transactions_duration_seconds_count"
FRAMES = {"operation": "wado-rs-frames"}
HTTP = {
    "HttpServerErrors": Case(
        share(TRANSACTIONS, {"status_class": "5xx", **FRAMES}, {"status_class": "2xx", **FRAMES}, 3),
        FRAMES,
        onset=2 * STEP,  # by then more than three
        # few of many, few at all, and what the callers did wrong
        well=share(TRANSACTIONS, {"status_class": "5xx", **FRAMES}, {"status_class": "2xx", **FRAMES}, 0.1)
        | share(TRANSACTIONS, {"status_class": "4xx", "operation": "other"}, {"status_class": "2xx"}, 9)
        | {of(TRANSACTIONS, status_class="5xx", operation="wado-uri"): steadily(0, 0.1)},
    ),
    "HttpFirstByteSlow": Case(
        slow("http_transactions_first_byte_seconds", "2", **FRAMES),
        FRAMES,
        onset=STEP,
        well=quick("http_transactions_first_byte_seconds", "2", **FRAMES)
        | slow("http_transactions_first_byte_seconds", "2", operation="stow-rs"),
    ),
    "HttpLogLost": Case(
        {
            of("http_log_exporter_lines_total", result="malformed"): steadily(0, 1000),
            "http_log_exporter_dropped_lines_total": steadily(0),
        },
        onset=STEP,
        well={
            of("http_log_exporter_lines_total", result="malformed"): steadily(5),
            of("http_log_exporter_lines_total", result="transaction"): steadily(0, 100),
            "http_log_exporter_dropped_lines_total": steadily(0, 1),
        },
    ),
    "HttpLogSilent": Case(
        {
            of("http_log_exporter_lines_total", result="transaction"): steadily(0, 4),
            of("http_log_exporter_lines_total", result="malformed"): steadily(0),
            of("haproxy_frontend_http_requests_total", proxy="https"): steadily(0, 10),
        },
        onset=STEP,
        # scrapes of the balancer itself are not logged
        well={
            of("http_log_exporter_lines_total", result="transaction"): steadily(0, 9),
            of("http_log_exporter_lines_total", result="malformed"): steadily(0),
            of("haproxy_frontend_http_requests_total", proxy="https"): steadily(0, 10),
            of("haproxy_frontend_http_requests_total", proxy="metrics"): steadily(0, 100),
        },
    ),
}
CASES = NODES | CLUSTER | CONTAINERS | DATABASE | BALANCER | STORE | HTTP
