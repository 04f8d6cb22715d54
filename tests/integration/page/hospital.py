"""A hospital that never was, as Prometheus would see it: every series of the views, stepped through time.

Modalities store and read all the time; twenty minutes before `now` a load campaign begins, which lasts ten minutes and
makes everybody wait longer. It is known exactly, so that tests can say what the page has to show.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

STEP = 15.0
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
DAY = 86400.0
CAPACITY = 4e12

Key = tuple[str, str, tuple[tuple[str, str], ...]]


def below(bound: float, median: float, spread: float) -> float:
    """The share of a log-normal distribution that is below."""
    return 0.5 * (1 + math.erf(math.log(bound / median) / (spread * math.sqrt(2))))


@dataclass
class Hospital:
    """`advance` takes it to a time; `samples` says what its exporters would say then."""

    began: float
    """Unix seconds of its first sample."""
    campaign: tuple[float, float]
    """Unix seconds of the campaign's begin and end."""
    silent: frozenset[str] = frozenset()
    """Jobs that do not answer."""
    front_door: float = 1.0
    now: float = 0.0
    _totals: dict[Key, float] = field(default_factory=dict)
    _gauges: dict[Key, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.now = self.began
        self._step(0.0)

    def advance(self, to: float) -> None:
        """Steps to that time; counters grow, gauges are what they are then."""
        while self.now < to:
            seconds = min(STEP, to - self.now)
            self.now += seconds
            self._step(seconds)

    def samples(self) -> Iterator[tuple[Key, float]]:
        """Everything: (job, name, labels) and value."""
        yield from self._totals.items()
        yield from self._gauges.items()

    def _count(self, job: str, name: str, amount: float, **labels: str) -> None:
        key = (job, name, tuple(sorted(labels.items())))
        self._totals[key] = self._totals.get(key, 0.0) + amount

    def _is(self, job: str, name: str, value: float, **labels: str) -> None:
        self._gauges[(job, name, tuple(sorted(labels.items())))] = value

    def _took(self, job: str, name: str, amount: float, median: float, **labels: str) -> None:
        for bound in SECONDS:
            self._count(job, f"{name}_bucket", amount * below(bound, median, 0.7), le=str(bound), **labels)
        self._count(job, f"{name}_bucket", amount, le="+Inf", **labels)
        self._count(job, f"{name}_count", amount, **labels)
        self._count(job, f"{name}_sum", amount * median, **labels)

    def _step(self, seconds: float) -> None:
        load = 1.0 if self.campaign[0] < self.now <= self.campaign[1] else 0.0
        swing = 1 + 0.35 * math.sin(self.now / 240)
        slower = 1 + 5 * load * swing
        self._dicom(seconds, load, swing, slower)
        self._http(seconds, swing, slower)
        self._door(seconds, load, swing, slower)
        self._archive(seconds, load, swing)
        self._storage(seconds, swing, slower)

    def _dicom(self, seconds: float, load: float, swing: float, slower: float) -> None:
        job, operations = "dimse-tap", "dimse_tap_operation_duration_seconds"
        senders = {"CT1": 6 * swing, "MR2": 3.5, "US3": 0.8 / swing, "VNAOPS_LOAD": 60 * load, "other": 0.0}
        kinds = {"CT1": "ct", "MR2": "mr", "US3": "us", "VNAOPS_LOAD": "ct", "other": "other"}
        for calling, rate in senders.items():
            labels = {"called": "VNAOPS", "calling": calling}
            more = {
                "sop_class_group": kinds[calling],
                "transfer_syntax": "jpeg-ls" if calling == "MR2" else "explicit-le",
            }
            amount = seconds * rate
            self._took(
                job, operations, amount, 0.012 * slower, operation="C-STORE", status_class="success", **more, **labels
            )
            self._count(job, "dimse_tap_instances_total", amount, direction="to_archive", calling=calling)
            self._count(job, "dimse_tap_instances_total", amount / 5, direction="from_archive", calling=calling)
            self._is(job, "dimse_tap_associations_open", 16 * load if calling == "VNAOPS_LOAD" else 2.0, **labels)
            setup = "dimse_tap_association_setup_seconds"
            self._took(job, setup, amount / 50, 0.003 * slower, result="accepted", **labels)
            heard = 0.0 if calling == "other" else self.now - {"US3": 2700.0}.get(calling, 4.0)
            self._is("rules", "calling:dimse_tap_last_heard_timestamp_seconds:max", heard, calling=calling)
        reader = {"called": "VNAOPS", "calling": "PACS", "sop_class_group": "query", "transfer_syntax": "implicit-le"}
        for operation, median in (("C-FIND", 0.03), ("C-GET", 0.4), ("C-ECHO", 0.002)):
            self._took(
                job,
                operations,
                seconds * 1.2 * swing,
                median * slower,
                operation=operation,
                status_class="success",
                **reader,
            )
        for operation in ("C-FIND", "C-GET"):
            first = {"operation": operation, "called": "VNAOPS", "calling": "PACS"}
            self._took(job, "dimse_tap_first_response_seconds", seconds * 1.2, 0.02 * slower, **first)
        for reason in ("called-AE-title-not-recognized", "local-limit-exceeded"):
            rate = 0.4 * load if reason.startswith("local") else 0.0
            self._count(job, "dimse_tap_rejections_total", seconds * rate, source="service-user", reason=reason)
        for source in ("service-user", "service-provider"):
            self._count(job, "dimse_tap_aborts_total", seconds * 0.01 * load, source=source)
        for who, share in {"sender": 0.4, "archive": 2.5 * load + 0.1, "network": 0.05}.items():
            self._count(job, "dimse_tap_stall_seconds_total", seconds * share * swing, who=who)
        for direction, rate in {"to_archive": 5e6, "from_archive": 2e6}.items():
            self._count(job, "dimse_tap_bytes_total", seconds * rate * (1 + 6 * load) * swing, direction=direction)
        for reason in ("protocol", "defect"):
            self._count(job, "dimse_tap_unparsed_total", 0.0, reason=reason)

    def _http(self, seconds: float, swing: float, slower: float) -> None:
        job, operations = "http-log-exporter", "http_transactions_duration_seconds"
        for operation, rate in {
            "qido-rs-studies": 1.5,
            "wado-rs-instance": 6.0,
            "wado-rs-frames": 9.0,
            "stow-rs": 0.7,
        }.items():
            amount = seconds * rate * swing
            labels = {"operation": operation, "backend": "http_readers"}
            self._took(job, operations, amount, 0.05 * slower, status_class="2xx", **labels)
            self._took(job, operations, amount / 4000, 0.05, status_class="5xx", **labels)
            self._took(job, "http_transactions_first_byte_seconds", amount, 0.02 * slower, operation=operation)
            for direction in ("received", "sent"):
                self._count(
                    job, "http_transactions_bytes_total", amount * 4e5, operation=operation, direction=direction
                )

    def _door(self, seconds: float, load: float, swing: float, slower: float) -> None:
        for module, took in {"echo": 0.004, "store": 0.02}.items():
            job, labels = f"dicom-{module}", {"module": module, "target": "load-balancer:11112"}
            self._is(job, "dicom_probe_success", self.front_door, **labels)
            self._is(job, "dicom_probe_duration_seconds", took * slower * swing, **labels)
            self._is(job, "dicom_probe_certificate_days_left", 341.0, **labels)
            for phase, share in {"connect": 0.1, "associate": 0.2, "request": 0.5, "release": 0.2}.items():
                self._is(job, "dicom_probe_phase_duration_seconds", took * slower * share, phase=phase, **labels)
        for slo, burn in {"store-success": 0.2, "front-door": 0.0, "query": 0.8 * slower}.items():
            self._is("rules", "slo:period_error_budget_remaining:ratio", 1 - burn / 5, sloth_slo=slo)
            self._is("rules", "slo:current_burn_rate:ratio", burn, sloth_slo=slo)
        job = "load-balancer"
        for proxy in ("dicom", "https"):
            self._is(job, "haproxy_frontend_current_sessions", round(6 * swing + 16 * load), proxy=proxy)
            self._count(job, "haproxy_frontend_connections_total", seconds * (0.6 + 2 * load), proxy=proxy)
            self._count(job, "haproxy_frontend_bytes_in_total", seconds * 3e6 * (1 + 6 * load), proxy=proxy)
            self._count(job, "haproxy_frontend_bytes_out_total", seconds * 5e6 * swing, proxy=proxy)
        for proxy, servers in {"dicom_writers": 1, "dicom_readers": 2, "http_readers": 2, "http_writers": 1}.items():
            self._is(job, "haproxy_backend_active_servers", servers, proxy=proxy)

    def _archive(self, seconds: float, load: float, swing: float) -> None:
        hours = (self.now - self.began) / 3600
        for name, value in {"instances": 4218774 + 36000 * hours, "studies": 9634 + round(80 * hours)}.items():
            self._is("archive", f"orthanc_count_{name}", round(value))
        for name in ("running", "pending"):
            self._is("archive", f"orthanc_jobs_{name}", round(2 * swing * load))
        self._is("database", "patroni_primary", 1)
        self._is("database", "patroni_postgres_running", 2)
        self._count("database", "patroni_xlog_location", seconds * 9e5 * (1 + 4 * load) * swing)
        for container, cores in {"archive": 0.5, "database": 0.2, "dimse-tap": 0.06, "load-balancer": 0.04}.items():
            used = seconds * cores * (1 + 2 * load) * swing
            self._count("cadvisor", "container_cpu_usage_seconds_total", used, container=container)
            self._is(
                "cadvisor", "container_memory_working_set_bytes", cores * 2e9 * (1 + load / 2), container=container
            )
        for mode, share in {"idle": 0.7 - 0.5 * load, "user": 0.3 + 0.5 * load}.items():
            self._count("node", "node_cpu_seconds_total", seconds * share, mode=mode, cpu="0")
        for operation, rate in {"put": 10 * swing, "get": 2.0, "get_range": 6.0}.items():
            self._count(
                "archive-storage", "vnaops_s3_storage_requests_total", seconds * rate, operation=operation, status="2xx"
            )
            self._count("archive-storage", "vnaops_s3_storage_retries_total", 0.0, operation=operation)
        self._count(
            "postgres", "pg_stat_database_xact_commit", seconds * 90 * (1 + 5 * load) * swing, datname="orthanc"
        )
        self._count("postgres", "pg_stat_database_xact_rollback", seconds * 0.2, datname="orthanc")
        self._is("postgres", "pg_database_size_bytes", 9e9 + 4e7 * hours, datname="orthanc")
        for state, number in {"active": 3, "idle": 9}.items():
            self._is("postgres", "pg_stat_activity_count", round(number * swing), state=state, datname="orthanc")

    def _storage(self, seconds: float, swing: float, slower: float) -> None:
        job = "s3-exporter"
        for operation, median in {"put": 0.02, "head": 0.002, "get": 0.012, "list": 0.03}.items():
            name = "s3_exporter_operation_duration_seconds"
            self._took(job, name, seconds / 15, median * slower * swing, operation=operation)
            for result in ("success", "timeout", "denied"):
                amount = seconds / 15 if result == "success" else 0.0
                self._count(job, "s3_exporter_operations_total", amount, operation=operation, result=result)
        self._is(job, "s3_exporter_endpoint_up", 1)
        used = 3.1e12 + 6e9 / DAY * (self.now - self.began)  # 6 GB a day
        for bucket, share in {"archive": 1.0, "canary": 1e-4}.items():
            self._is("rules", "bucket:s3_exporter_bucket_bytes:sum", used * share, bucket=bucket)
            self._is(job, "s3_exporter_bucket_objects", used * share / 5e5, bucket=bucket, **{"class": "STANDARD"})
            self._is(job, "s3_exporter_capacity_bytes", CAPACITY, bucket=bucket)
            self._is(job, "s3_exporter_quota_used_ratio", used * share / CAPACITY, bucket=bucket)
            self._is(job, "s3_exporter_oldest_incomplete_upload_age_seconds", 0.0, bucket=bucket)
            for part in ("object-lock", "retention", "versioning", "policy", "lifecycle"):
                self._is(
                    job,
                    "s3_exporter_as_declared",
                    float((bucket, part) != ("canary", "lifecycle")),
                    bucket=bucket,
                    part=part,
                )
        for kind, rate in {"PUT": 11 * swing, "GET": 8.0, "HEAD": 1.0}.items():
            self._count("object-store", "SeaweedFS_s3_request_total", seconds * rate, type=kind)
