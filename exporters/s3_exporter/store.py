"""The S3 client: one try per operation, so that what is measured is one operation; and its errors in few words."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config as ClientConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from exporters.s3_exporter.config import Config

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RESULTS = ("success", "timed-out", "unreachable", "denied", "no-such-bucket", "failure")


def client(config: Config) -> "S3Client":
    """Credentials come from boto3's chain."""
    return boto3.client(
        "s3",
        endpoint_url=config.endpoint,
        region_name=config.region,
        config=ClientConfig(
            retries={"total_max_attempts": 1},
            connect_timeout=config.timeout_seconds,
            read_timeout=config.timeout_seconds,
            # look-alikes refuse the checksums that boto3 sends since 1.36
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            s3={"addressing_style": "path"},
        ),
    )


def attempt(act: Callable[[], object]) -> str:
    """Do it; one of `RESULTS`."""
    try:
        act()
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "403"):
            return "denied"
        return "no-such-bucket" if code == "NoSuchBucket" else "failure"
    except (ConnectTimeoutError, ReadTimeoutError):
        return "timed-out"
    except EndpointConnectionError:
        return "unreachable"
    except (BotoCoreError, OSError, ValueError):
        return "failure"
    return "success"
