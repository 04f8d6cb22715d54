"""The way to an S3 endpoint: credentials by boto3's chain, patience until it answers, and its errors in words."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSLError,
)

from infra import paths
from infra.providers.vnaops import credentials_file
from infra.providers.vnaops.errors import RefusalError
from infra.providers.vnaops.patience import Patience

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

CONNECT_SECONDS = 3
READ_SECONDS = 30


@dataclass(frozen=True)
class Endpoint:
    """Where a bucket is seen and as whom: `profile` is a profile of `paths.credentials_file()` or of boto3's chain."""

    url: str | None  # None: what boto3's chain says (AWS_ENDPOINT_URL_S3, the profile, else AWS)
    region: str = "us-east-1"
    profile: str | None = None
    ca_certificate: str | None = None  # PEM


@contextmanager
def connected(endpoint: Endpoint) -> Iterator["S3Client"]:
    """A client of the endpoint, its errors `explained`."""
    with explained(endpoint), tempfile.TemporaryDirectory(prefix="vnaops-s3-") as folder:
        verify: str | None = None
        if endpoint.ca_certificate:
            authority = Path(folder) / "ca.crt"
            authority.write_text(endpoint.ca_certificate)
            verify = str(authority)
        client = _session(endpoint.profile).client(
            "s3",
            endpoint_url=endpoint.url,
            region_name=endpoint.region,
            verify=verify,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": 3},
                # The checksums that boto3 sends by default since 1.36 are refused by look-alikes.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                s3={"addressing_style": "path" if endpoint.url else "auto"},
            ),
        )
        try:
            yield client
        finally:
            client.close()


@contextmanager
def explained(endpoint: Endpoint) -> Iterator[None]:
    """Within the block, botocore's errors become `RefusalError`s that say what to do."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise RefusalError(explain(error, endpoint)) from None


def _session(profile: str | None) -> boto3.Session:
    core = botocore.session.Session()
    if profile and profile in credentials_file.profiles(paths.credentials_file()):
        core.set_config_variable("credentials_file", str(paths.credentials_file()))
    return boto3.Session(botocore_session=core, profile_name=profile)


def code_of(error: ClientError) -> str:
    """The error code that S3 gave, for example `NoSuchBucket`."""
    return error.response.get("Error", {}).get("Code", "")


def not_there_yet(error: Exception) -> bool:
    """Whether waiting can help: nothing listens, it hangs up, or it says 5xx. Not: wrong keys, wrong names, TLS."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 and code_of(error) != "NotImplemented"
    return isinstance(error, EndpointConnectionError | ConnectTimeoutError | ConnectionClosedError | ReadTimeoutError)


def until_reachable(act: Callable[[], T], endpoint: Endpoint, patience: Patience) -> T:
    """Do `act` again, a second apart, while the endpoint is not there yet; its error when the patience ends."""
    while True:
        try:
            return act()
        except (BotoCoreError, ClientError) as error:
            if not not_there_yet(error):
                raise
            reason = "it answers " + _words(error) if isinstance(error, ClientError) else "no answer"
            if not patience.another_try(f"waiting for the S3 endpoint {_name(endpoint)}: {reason}"):
                raise


def explain(error: BotoCoreError | ClientError, endpoint: Endpoint) -> str:
    """One line: what went wrong at this endpoint and what to do. Never carries a key or a signature."""
    where = f"S3 endpoint {_name(endpoint)}"
    who = f"profile {endpoint.profile!r}" if endpoint.profile else "boto3's default credentials"
    if isinstance(error, ProfileNotFound):
        return (
            f"{who} is neither in {paths.credentials_file()} nor in boto3's own files: run `pulumi refresh` if a "
            f"vnaops:index:Credentials made it, else add it to {_user_file()}"
        )
    if isinstance(error, NoCredentialsError):
        return f"no credentials for {where}: name a profile, or give boto3 some ({_user_file()} or AWS_ACCESS_KEY_ID)"
    if isinstance(error, SSLError):
        return f"{where}: its TLS certificate is not trusted ({_cause(error)}): give the authority in caCertificate"
    if isinstance(error, EndpointConnectionError | ConnectTimeoutError | ConnectionClosedError | ReadTimeoutError):
        return f"{where} can't be reached: check the address, the network policy and that the store runs"
    if isinstance(error, BotoCoreError):
        return f"{where}: {error}"
    match code_of(error):
        case "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "InvalidToken" | "ExpiredToken":
            return f"{where} does not accept the keys of {who} ({code_of(error)}): correct them and repeat"
        case "AccessDenied":
            return f"{where} denies {error.operation_name} to {who}: give it the right to administer the bucket"
        case _:
            return f"{where} refuses {error.operation_name}: {_words(error)}"


def _name(endpoint: Endpoint) -> str:
    return endpoint.url or "of boto3's chain"


def _words(error: ClientError) -> str:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")
    details = error.response.get("Error", {})
    return f"HTTP {status} {details.get('Code', '')} {details.get('Message', '')}".strip()


def _cause(error: SSLError) -> str:
    text = str(error)
    return text[text.find("certificate verify failed") :].split(" (_ssl")[0] if "verify failed" in text else text


def _user_file() -> str:
    return os.environ.get("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
