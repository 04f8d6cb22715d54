"""TLS towards a target (PS3.15 annex B; RFC 8446): its settings, and what the peer's certificates say."""

import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from exporters.dicom_exporter.certificate import not_after


class Tls(BaseModel):
    """The section `tls` of a module; `tls: {}` verifies against the system's authorities."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ca_file: Path | None = Field(default=None, description="PEM file of the authorities to trust instead")
    server_name: str | None = Field(
        default=None, min_length=1, description="The name that the certificate has to have, instead of the target's"
    )
    insecure_skip_verify: bool = Field(default=False, description="Take any certificate")
    cert_file: Path | None = Field(default=None, description="PEM file of the prober's own certificate chain")
    key_file: Path | None = Field(default=None, description="PEM file of its key, if cert_file has none")

    @model_validator(mode="after")
    def _agree(self) -> "Tls":
        if self.insecure_skip_verify and self.ca_file is not None:
            raise ValueError("ca_file cannot be set when insecure_skip_verify is on: nothing is verified then")
        if self.key_file is not None and self.cert_file is None:
            raise ValueError("key_file cannot be set without cert_file: a key alone is no identity")
        return self

    def context(self) -> ssl.SSLContext:
        """For a connection. Raises OSError (ssl.SSLError among them) if a file can't be used.

        Made once as long as the files don't change: to read the system's authorities costs 20 ms.
        """
        files = (self.ca_file, self.cert_file, self.key_file)
        return _context(self, tuple(file and file.stat().st_mtime_ns for file in files))


@lru_cache(maxsize=64)
def _context(tls: Tls, _changed: tuple[int | None, ...]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=None if tls.ca_file is None else str(tls.ca_file))
    # as Python before 3.13: hospitals' own authorities leave out what RFC 5280 asks for, and modalities don't mind
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # as Python since 3.13: ca_file may hold an intermediate authority, or the one certificate to trust
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if tls.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file is not None:
        context.load_cert_chain(tls.cert_file, tls.key_file)
    return context


def unverified() -> ssl.SSLContext:
    """For a look at the certificate of a peer that isn't trusted."""
    return Tls(insecure_skip_verify=True).context()


def earliest_end(connection: ssl.SSLObject) -> float | None:
    """The earliest end in the peer's chain, in seconds since the epoch; None if it has shown nothing readable.

    With verification it is the chain up to the trusted authority, without the one that the peer has sent.
    """
    verified = connection.context.verify_mode is not ssl.CERT_NONE
    ends = []
    for der in _chain(connection, "get_verified_chain" if verified else "get_unverified_chain"):
        with suppress(ValueError):
            ends.append(not_after(der))
    return min(ends, default=None)


def _chain(connection: ssl.SSLObject, method: str) -> list[bytes]:
    """DER. Public since Python 3.13; before, the same method is on the object within."""
    public: Callable[[], list[bytes]] | None = getattr(connection, method, None)
    if public is not None:
        return public()
    within: Any = getattr(connection._sslobj, method)  # type: ignore[attr-defined]  # see above
    return [ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in within() or []]
