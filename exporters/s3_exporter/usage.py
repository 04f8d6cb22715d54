"""How much a bucket holds: the store's own figures where it has them, else a listing of bounded cost.

SeaweedFS tells in its metrics, Ceph's gateway in the headers of HEAD bucket; elsewhere the listing goes on where the
look before stopped: a bucket of any size costs so many requests a look, and its figures are as old as one round.
"""

import re
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from exporters.s3_exporter.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAX_PAGE: Final = 16 << 20  # bytes of the metrics page that are read
_SEAWEED = re.compile(r'^SeaweedFS_s3_bucket_(size_bytes|object_count)\{bucket="([^"]+)"\} ([0-9.e+]+)$', re.MULTILINE)


@dataclass(slots=True)
class Usage:
    """Bytes and objects by storage class, and where the figures are from."""

    source: str
    sizes: dict[str, float]
    counts: dict[str, float]


@dataclass(slots=True)
class Listing:
    """The round of a listing that is under way."""

    marker: str = ""
    sizes: dict[str, float] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)


def by_endpoint(client: "S3Client", bucket: str, config: Config) -> Usage | None:
    """The store's own figures, or None."""
    if config.usage_url is not None:
        with urllib.request.urlopen(config.usage_url, timeout=config.timeout_seconds) as answer:  # noqa: S310  (http by the model)
            page = answer.read(MAX_PAGE).decode("utf-8", "replace")
        found = {(kind, name): float(value) for kind, name, value in _SEAWEED.findall(page)}
        size, count = found.get(("size_bytes", bucket)), found.get(("object_count", bucket))
        if size is not None and count is not None:
            return Usage("endpoint", {"all": size}, {"all": count})
    headers = client.head_bucket(Bucket=bucket)["ResponseMetadata"]["HTTPHeaders"]
    if "x-rgw-bytes-used" in headers:
        sizes, counts = float(headers["x-rgw-bytes-used"]), float(headers.get("x-rgw-object-count", 0))
        return Usage("endpoint", {"all": sizes}, {"all": counts})
    return None


def by_listing(client: "S3Client", bucket: str, state: Listing, requests: int) -> Usage | None:
    """Goes on with the listing; figures when a round is complete, else None."""
    for _ in range(requests):
        page = client.list_objects_v2(Bucket=bucket, StartAfter=state.marker)
        contents = page.get("Contents", [])
        for one in contents:
            name = one.get("StorageClass", "STANDARD")
            state.sizes[name] = state.sizes.get(name, 0) + one["Size"]
            state.counts[name] = state.counts.get(name, 0) + 1
        if not page.get("IsTruncated") or not contents:
            done = Usage("listing", state.sizes, state.counts)
            state.marker, state.sizes, state.counts = "", {}, {}
            return done
        state.marker = contents[-1]["Key"]
    return None
