"""The archive's replicas, what they cost, and the database that is their index."""

from typing import Final

from infra.dashboards.panel import Dashboard, Limits, Query, Unit, series, stat

ARCHIVE: Final = ("archive",)
DATABASE: Final = ("database",)
POSTGRES: Final = ("postgres",)
PODS: Final = ("cadvisor",)
CONTAINERS: Final = 'container!=""'  # without a name are whole pods, which would count twice

DASHBOARD: Final = Dashboard(
    "vnaops-archive",
    "Archive and database",
    "Do the replicas and their index have what they need?",
    (
        stat(
            "Instances",
            Unit.NUMBER,
            "max(orthanc_count_instances)",
            "Instances that the index knows.",
            jobs=ARCHIVE,
        ),
        stat("Studies", Unit.NUMBER, "max(orthanc_count_studies)", "Studies that the index knows.", jobs=ARCHIVE),
        stat(
            "Replicas that answer",
            Unit.NUMBER,
            'sum(up{job="archive"})',
            "Replicas whose metrics can be read.",
            limits=Limits(1, 0.5),
        ),
        stat(
            "Database primaries",
            Unit.NUMBER,
            "sum(patroni_primary)",
            "Members of the database that take writes: one, or stores are refused.",
            jobs=DATABASE,
            limits=Limits(1, 0.5),
        ),
        series(
            "Jobs of the archive",
            Unit.NUMBER,
            "C-MOVEs and other jobs that run and that wait.",
            Query("sum(orthanc_jobs_running)", "running"),
            Query("sum(orthanc_jobs_pending)", "waiting"),
            jobs=ARCHIVE,
        ),
        series(
            "Processor by container",
            Unit.NUMBER,
            "Cores in use.",
            Query(
                f"sum by (container) (rate(container_cpu_usage_seconds_total{{{CONTAINERS}}}[$window]))",
                "{{container}}",
            ),
            jobs=PODS,
            stacked=True,
        ),
        series(
            "Memory by container",
            Unit.BYTES,
            "Memory that can't be given back.",
            Query(f"sum by (container) (container_memory_working_set_bytes{{{CONTAINERS}}})", "{{container}}"),
            jobs=PODS,
            stacked=True,
        ),
        series(
            "Machines' processors in use",
            Unit.RATIO,
            "The share of each node's processor time that isn't idle.",
            Query('1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[$window]))', "{{instance}}"),
            jobs=("node",),
        ),
        series(
            "Requests to the bucket",
            Unit.PER_SECOND,
            "Requests of the archive's storage per second, by operation.",
            Query("sum by (operation) (rate(vnaops_s3_storage_requests_total[$window]))", "{{operation}}"),
            jobs=("archive-storage",),
            stacked=True,
        ),
        series(
            "Repeated requests to the bucket",
            Unit.PER_SECOND,
            "Requests of the archive's storage that had to be repeated.",
            Query("sum(rate(vnaops_s3_storage_retries_total[$window]))", "repeated"),
            jobs=("archive-storage",),
        ),
        series(
            "Members of the database",
            Unit.NUMBER,
            "Members that run PostgreSQL, and those of them that take writes.",
            Query("sum(patroni_postgres_running)", "running"),
            Query("sum(patroni_primary)", "primary"),
            jobs=DATABASE,
        ),
        series(
            "Write-ahead log",
            Unit.BYTES_PER_SECOND,
            "Bytes per second that the primary writes into its log.",
            Query("max(rate(patroni_xlog_location[$window]))", "written"),
            jobs=DATABASE,
        ),
        series(
            "Transactions of the index",
            Unit.PER_SECOND,
            "Transactions per second that are committed and rolled back.",
            Query("sum(rate(pg_stat_database_xact_commit[$window]))", "committed"),
            Query("sum(rate(pg_stat_database_xact_rollback[$window]))", "rolled back"),
            jobs=POSTGRES,
        ),
        series(
            "Connections to the index",
            Unit.NUMBER,
            "Connections by what they are doing.",
            Query("sum by (state) (pg_stat_activity_count)", "{{state}}"),
            jobs=POSTGRES,
            stacked=True,
        ),
        series(
            "Size of the index",
            Unit.BYTES,
            "What the databases take on disk.",
            Query("sum by (datname) (pg_database_size_bytes)", "{{datname}}"),
            jobs=POSTGRES,
            stacked=True,
        ),
    ),
)
