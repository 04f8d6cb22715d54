"""`vnaops:index:Bucket`: an S3 bucket with object lock, versions, default retention, tags and expiry by tag."""

from collections.abc import Set
from typing import Any
from urllib.parse import parse_qs, urlsplit

from typing_extensions import override

from infra.providers.vnaops import s3, s3_removal
from infra.providers.vnaops.errors import HalfMadeError, RefusalError
from infra.providers.vnaops.inputs import BucketInputs
from infra.providers.vnaops.kinds.kind import Found, Kind, Properties
from infra.providers.vnaops.patience import Patience
from infra.providers.vnaops.s3 import BucketState
from infra.providers.vnaops.s3_endpoint import Endpoint, connected, explained, until_reachable

IMPORT_FORM = (
    "https://HOST:PORT/BUCKET or https://HOST:PORT/BUCKET?profile=NAME&region=NAME, or BUCKET for boto3's chain"
)


class Bucket(Kind):
    """The id is the bucket's name. An endpoint is where it is seen, so that another one is an update."""

    inputs = BucketInputs
    computed = frozenset({"arn"})
    secret = frozenset()

    @override
    def replacing(self, changed: Set[str], state: Properties, news: Properties) -> Set[str]:
        """Another name is another bucket; object lock can't be switched off (but on: see `s3.update`)."""
        lock_off = {"objectLock"} if state.get("objectLock") and news.get("objectLock") is False else set()
        return changed & ({"bucket"} | lock_off)

    @override
    def create(self, urn: str, news: Properties, patience: Patience) -> tuple[str, Properties]:
        """Raises `RefusalError` when the bucket exists, the endpoint has no object lock, or nothing answers in time."""
        endpoint, bucket, wanted = _endpoint(news), news["bucket"], _wanted(news)
        with connected(endpoint) as client:
            made = s3.create(client, endpoint, bucket, patience, object_lock=wanted.object_lock)
            try:
                with explained(endpoint):
                    s3.update(client, bucket, made, wanted, patience.progress)
            except RefusalError as error:
                raise HalfMadeError(str(error), bucket, _state(news)) from None
        return bucket, _state(news)

    @override
    def read(self, identity: str, urn: str, inputs: Properties, state: Properties) -> Found | None:
        """Retention, versioning, lock, tags and our life cycle rules as they are live."""
        known = inputs if state else of_import(identity)
        with connected(_endpoint(known)) as client:
            live = s3.read(client, known["bucket"])
        if live is None:
            return None
        seen = _with_live(known, live)
        return Found(known["bucket"], seen, _state(seen))

    @override
    def update(self, identity: str, urn: str, state: Properties, news: Properties, patience: Patience) -> Properties:
        """Only what differs from the live bucket is sent."""
        endpoint = _endpoint(news)
        with connected(endpoint) as client:
            live = until_reachable(lambda: s3.read(client, identity), endpoint, patience)
            if live is None:
                raise RefusalError(
                    f"there is no bucket {identity} at S3 endpoint {endpoint.url or 'of boto3’s chain'}: correct the "
                    "endpoint, or run `pulumi refresh` so that the next `up` makes it"
                )
            s3.update(client, identity, live, _wanted(news), patience.progress)
        return _state(news)

    @override
    def delete(self, identity: str, state: Properties, patience: Patience) -> None:
        """Objects in it are deleted only with `forceDestroy`."""
        endpoint = _endpoint(state)
        with connected(endpoint) as client:
            until_reachable(lambda: s3.read(client, identity), endpoint, patience)
            s3_removal.remove(client, identity, force=bool(state.get("forceDestroy")), patience=patience)


def _state(inputs: Properties) -> Properties:
    return {**inputs, "arn": s3.arn(inputs["bucket"])}


def _endpoint(properties: Properties) -> Endpoint:
    return Endpoint(
        url=properties.get("endpoint"),
        region=properties.get("region", "us-east-1"),
        profile=properties.get("profile"),
        ca_certificate=properties.get("caCertificate"),
    )


def _wanted(properties: Properties) -> BucketState:
    days = properties.get("retentionDays")
    return BucketState(
        object_lock=properties["objectLock"],
        versioning=properties["versioning"],
        retention_mode=properties.get("retentionMode"),
        retention_days=None if days is None else int(days),
        tags=properties.get("tags", {}),
        expire_tagged={tag: int(days) for tag, days in properties.get("expireTagged", {}).items()},
    )


def _with_live(known: Properties, live: BucketState) -> dict[str, Any]:
    parts = {
        "objectLock": live.object_lock,
        "versioning": live.versioning,
        "retentionMode": live.retention_mode,
        "retentionDays": live.retention_days,
        "tags": dict(live.tags),
        "expireTagged": dict(live.expire_tagged),
    }
    return {name: value for name, value in {**known, **parts}.items() if value is not None}


def of_import(identity: str) -> dict[str, Any]:
    """The properties that an import's id stands for."""
    parts = urlsplit(identity)
    bucket = parts.path.strip("/")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if not bucket or "/" in bucket or query.keys() - {"profile", "region"} or parts.scheme not in {"", "http", "https"}:
        raise RefusalError(f"{identity!r} does not name a bucket: use {IMPORT_FORM}")
    given = {"bucket": bucket, "region": "us-east-1", "forceDestroy": False, **query}
    return {**given, "endpoint": f"{parts.scheme}://{parts.netloc}"} if parts.scheme else given
