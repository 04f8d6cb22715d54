"""The environment's own series of the same minutes, asked of its Prometheus and kept in the campaign's folder."""

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit

TIMEOUT_SECONDS = 10.0
AROUND_SECONDS = 60.0
POINTS = 240
LEAST_STEP_SECONDS = 15.0  # the environment's own scrape interval
LINES = 8  # of a plot: the highest

_S3_SECONDS = "sum by (operation, le) (rate(vnaops_s3_storage_request_duration_seconds_bucket[1m]))"

# title, unit, query, what names a line. Rates are over a minute: the environment is scraped every 15 s.
QUERIES: tuple[tuple[str, str, str, str], ...] = (
    (
        "Archive: stored instances",
        "instances/s",
        "sum(deriv(max(orthanc_count_instances)[1m:15s]))",
        "",
    ),
    ("Archive to S3: latency, p50", "seconds", f"histogram_quantile(0.5, {_S3_SECONDS})", "operation"),
    ("Archive to S3: latency, p99", "seconds", f"histogram_quantile(0.99, {_S3_SECONDS})", "operation"),
    (
        "Archive to S3: requests",
        "requests/s",
        "sum by (operation, status) (rate(vnaops_s3_storage_requests_total[1m])) > 0",
        "operation status",
    ),
    (
        "Archive to S3: failures and retries",
        "per second",
        'label_replace(sum(rate(vnaops_s3_storage_failures_total[1m])), "what", "failures", "", "") or '
        'label_replace(sum(rate(vnaops_s3_storage_retries_total[1m])), "what", "retries", "", "")',
        "what",
    ),
    ("Archive to S3: in flight", "requests", "sum by (instance) (vnaops_s3_storage_requests_in_flight)", "instance"),
    ("Archive: time of a store", "milliseconds", "orthanc_store_dicom_duration_ms", "instance"),
    (
        "Balancer: sessions",
        "sessions",
        'sum by (proxy) (haproxy_backend_current_sessions{proxy=~"(dicom|http).*"})',
        "proxy",
    ),
    ("Balancer: queue", "sessions", 'sum by (proxy) (haproxy_backend_current_queue{proxy=~"(dicom|http).*"})', "proxy"),
    ("Balancer: busy", "ratio", "1 - haproxy_process_idle_time_percent / 100", "instance"),
    ("Database: write-ahead log", "bytes/s", "sum by (name) (rate(patroni_xlog_location[1m]))", "name"),
    (
        "Object store: requests",
        "requests/s",
        "sum by (type, code) (rate(SeaweedFS_s3_request_total[1m])) > 0",
        "type code",
    ),
    (
        "Object store: latency, p99",
        "seconds",
        "histogram_quantile(0.99, sum by (type, le) (rate(SeaweedFS_s3_request_seconds_bucket[1m])))",
        "type",
    ),
    ("Processor, of what tells it", "processors", "sum by (job) (rate(process_cpu_seconds_total[1m]))", "job"),
    ("Processor of pods", "processors", "sum by (pod) (rate(container_cpu_usage_seconds_total[1m])) > 0.01", "pod"),
    ("Probe through the front door", "seconds", "max by (module) (dicom_probe_duration_seconds)", "module"),
)


def collect(url: str, begin: datetime, seconds: float) -> dict[str, Any]:
    """The series from a minute before until a minute behind; what there isn't, and why, in words. Never raises."""
    address = _without_user(url)
    start, end = begin.timestamp() - AROUND_SECONDS, begin.timestamp() + seconds + AROUND_SECONDS
    step = max(LEAST_STEP_SECONDS, (end - start) / POINTS)
    found: dict[str, Any] = {"url": address, "start": start, "end": end, "step": step, "series": [], "absent": []}
    for title, unit, query, label in QUERIES:
        try:
            result = _ask(address, query, start, end, step)
        except (OSError, ValueError, KeyError) as error:
            reason = getattr(error, "reason", None) or error
            found["error"] = f"{address} could not be asked for {title!r}: {reason}"
            if isinstance(error, OSError) and not isinstance(error, urllib.error.HTTPError):
                break  # it isn't there: the other queries would wait as long
            continue
        lines = [
            {
                "name": " ".join(one["metric"].get(word, "") for word in label.split()).strip(),
                "points": [[round(float(at) - begin.timestamp(), 3), _number(value)] for at, value in one["values"]],
            }
            for one in result
        ]
        lines = [line for line in lines if any(value is not None for _, value in line["points"])]
        lines.sort(key=_highest, reverse=True)
        if lines:
            found["series"].append({"title": title, "unit": unit, "query": query, "lines": lines[:LINES]})
        else:
            found["absent"].append(title)
    return found


def _ask(url: str, query: str, start: float, end: float, step: float) -> list[dict[str, Any]]:
    parameters = urllib.parse.urlencode({"query": query, "start": start, "end": end, "step": step})
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("no http or https URL")
    address = f"{url.rstrip('/')}/api/v1/query_range?{parameters}"
    with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310  (http by the check above)
        found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
    return found


def _highest(line: dict[str, Any]) -> float:
    return max(float(value) for _, value in line["points"] if value is not None)


def _number(value: str) -> float | None:
    """JSON has no NaN."""
    found = float(value)
    return found if math.isfinite(found) else None


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
