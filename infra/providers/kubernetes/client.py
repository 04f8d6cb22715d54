"""A small HTTP client for the Kubernetes API: JSON in and out, watches, errors in the server's words.

The `kubernetes` package was the alternative: importing it costs 0.6 s and 20 MB, and each `pulumi` command starts
the plug-in once per provider.
"""

import json
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
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
SILENT_SECONDS = 10.0
"""So long a server that has never answered is not asked again: a preview asks for every resource."""


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

    def __init__(self, access: Access, renewed: Callable[[], Access] | None = None) -> None:
        """`renewed` gives new credentials where the server no longer takes the old ones: tokens live for minutes."""
        self.access = access
        self._renewed = renewed
        self._pool = _pool(access)
        self._answered = False
        self._silent: tuple[float, UnreachableError] | None = None

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
        data = None if body is None else json.dumps(body).encode()
        renewed = False
        for tries_left in reversed(range(BUSY_TRIES)):
            url = self.access.server + path + (f"?{urlencode(query)}" if query else "")
            headers = {"Accept": "application/json", "User-Agent": "vnaops-pulumi-kubernetes", **self._authorization()}
            if data is not None:
                headers["Content-Type"] = content_type
            response = self._once(method, url, data, headers, seconds, stream=stream)
            if response.status == 401 and self._renewed and not renewed:
                renewed = True
                self.access = self._renewed()
                self._pool = _pool(self.access)
            elif response.status in (429, 503) and tries_left:
                pause = min(float(response.headers.get("Retry-After", 1)), 5)
                response.drain_conn()
                threading.Event().wait(pause)
            else:
                break
        if response.status >= 400:
            raise _error(response)
        return response

    def _once(
        self, method: str, url: str, data: bytes | None, headers: dict[str, str], seconds: float, *, stream: bool
    ) -> urllib3.BaseHTTPResponse:
        """One try, and a second one where a kept connection was closed under it: all but POST may be repeated."""
        silent = self._silent
        if silent and not self._answered and time.monotonic() < silent[0]:
            raise silent[1]
        for last in (method == "POST", True):
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
                self._answered = True
                return response
            except urllib3.exceptions.HTTPError as error:
                if isinstance(error, urllib3.exceptions.ProtocolError) and not last:
                    continue
                failure = UnreachableError(f"{self.access.server} does not answer: {_words(error)}")
                self._silent = time.monotonic() + SILENT_SECONDS, failure
                raise failure from None
        raise AssertionError("unreachable: the last try returns or raises")

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
    proxy = access.proxy or _proxy(access.server)
    return urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)


def _proxy(server: str) -> str | None:
    """The environment's proxy for a server, by the rules of kubectl (Go's `net/http`).

    Those know networks (`10.0.0.0/8`) in NO_PROXY, which Python's own reading of it does not, and loopback needs none.
    """
    scheme, host = server.split(":")[0], (urllib3.util.parse_url(server).host or "").strip("[]")
    try:
        address = ip_address(host)
    except ValueError:
        return None if host == "localhost" or proxy_bypass(host) else getproxies().get(scheme)
    networks = (one.strip() for one in getproxies().get("no", "").split(","))
    if address.is_loopback or proxy_bypass(host) or any(_contains(one, address) for one in networks if "/" in one):
        return None
    return getproxies().get(scheme)


def _contains(network: str, address: IPv4Address | IPv6Address) -> bool:
    try:
        return address in ip_network(network, strict=False)
    except ValueError:
        return False


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
