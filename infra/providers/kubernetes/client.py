"""A small HTTP client for the Kubernetes API: JSON in and out, watches, errors in the server's words.

The `kubernetes` package was the alternative: importing it costs 0.6 s and 20 MB, and each `pulumi` command starts
the plug-in once per provider.
"""

import json
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import getproxies, proxy_bypass

import urllib3

from infra.providers.kubernetes.kubeconfig import Access

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
CONNECTIONS = 64
BUSY_TRIES = 6


class ApiError(Exception):
    """The API server refused; the message is its own."""

    def __init__(self, code: int, reason: str, message: str, details: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = details


class UnreachableError(Exception):
    """No answer came from the API server."""


class Client:
    """One cluster's API. Safe to use from many threads."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self._pool = _pool(access)

    def call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """One request; its answer as JSON. Raises `ApiError`, `UnreachableError`."""
        response = self._send(method, path, query, body, content_type, ANSWER_SECONDS)
        answer: dict[str, Any] = json.loads(response.data) if response.data else {}
        return answer

    def text(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """What is not JSON: a container's log. Raises `ApiError`, `UnreachableError`."""
        return self._send("GET", path, query, None, "", ANSWER_SECONDS).data.decode(errors="replace")

    def watch(self, path: str, query: Mapping[str, str], seconds: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Changes of a collection as (type, object), until the seconds are over or the connection breaks."""
        asked = {**query, "watch": "true", "timeoutSeconds": str(seconds)}
        response = self._send("GET", path, asked, None, "", seconds + CONNECT_SECONDS, stream=True)
        try:
            rest = b""
            for chunk in response.stream(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    yield event["type"], event["object"]
        except urllib3.exceptions.HTTPError:
            return
        finally:
            response.close()

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Any,
        content_type: str,
        seconds: float,
        *,
        stream: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        url = self.access.server + path + (f"?{urlencode(query)}" if query else "")
        headers = {"Accept": "application/json", "User-Agent": "vnaops-pulumi-kubernetes", **self._authorization()}
        if body is not None:
            headers["Content-Type"] = content_type
        data = None if body is None else json.dumps(body).encode()
        for tries_left in reversed(range(BUSY_TRIES)):
            try:
                response = self._pool.request(
                    method,
                    url,
                    body=data,
                    headers=headers,
                    preload_content=not stream,
                    timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds),
                    retries=False,
                )
            except urllib3.exceptions.HTTPError as error:
                raise UnreachableError(f"{self.access.server} does not answer: {_words(error)}") from None
            if response.status not in (429, 503) or not tries_left:
                break
            response.drain_conn()
            threading.Event().wait(min(float(response.headers.get("Retry-After", 1)), 5))
        if response.status >= 400:
            raise _error(response)
        return response

    def _authorization(self) -> dict[str, str]:
        access = self.access
        token = access.token_file.read_text().strip() if access.token_file else access.token
        if token:
            return {"Authorization": f"Bearer {token}"}
        if access.basic:
            return dict(urllib3.make_headers(basic_auth=":".join(access.basic)))
        return {}


def _pool(access: Access) -> urllib3.PoolManager:
    options: dict[str, Any] = {"maxsize": CONNECTIONS}
    if access.server.startswith("https:"):
        options["ssl_context"] = _tls(access)
        if access.server_name:
            options |= {"server_hostname": access.server_name, "assert_hostname": access.server_name}
        if not access.verify:
            options["assert_hostname"] = False
    host = urllib3.util.parse_url(access.server).host or ""
    proxy = access.proxy or (None if proxy_bypass(host) else getproxies().get(access.server.split(":")[0]))
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def _tls(access: Access) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=access.ca_certificate)
    if not access.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if access.client_certificate and access.client_key:
        with tempfile.TemporaryDirectory(prefix="pulumi-kubernetes-") as folder:  # OpenSSL takes files only; mode 0700
            certificate, key = Path(folder) / "certificate", Path(folder) / "key"
            certificate.write_text(access.client_certificate)
            key.write_text(access.client_key)
            context.load_cert_chain(certificate, key)
    return context


def _error(response: urllib3.BaseHTTPResponse) -> ApiError:
    text = response.data if response.data else response.read()
    try:
        status = json.loads(text)
        return ApiError(response.status, status.get("reason", ""), status["message"], status.get("details") or {})
    except (ValueError, KeyError, TypeError, AttributeError):
        said = text.decode(errors="replace").strip()[:500]
        return ApiError(response.status, "", said or f"HTTP status {response.status}", {})


def _words(error: BaseException) -> str:
    """The innermost reason: urllib3 wraps them in each other."""
    reason = getattr(error, "reason", None) or error.__cause__ or error.__context__
    return _words(reason) if isinstance(reason, BaseException) and reason is not error else str(error)
