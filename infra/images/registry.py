"""The registry that images are pushed to: its address, and looking up a tag's digest by the HTTP API v2."""

import base64
import json
import os
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import paths
from infra.images.recipe import ImageError

EMBEDDED = "10.89.0.1:5000"
"""The embedded node's registry (`python -m infra.node registry`)."""

_REFERENCE = re.compile(r"(?P<host>[a-zA-Z0-9.-]+(:\d+)?)/(?P<prefix>[a-z0-9]+([._/-][a-z0-9]+)*)")
_MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Registry:
    """Where images go: `HOST[:PORT]`, a path before their names, the certificate authority if it isn't a public one."""

    host: str
    prefix: str
    ca: Path | None = None

    @property
    def embedded(self) -> bool:
        """Whether it is the embedded node's, which can be started from here."""
        return self.host == EMBEDDED

    def repository(self, image: str) -> str:
        """An image's name without tag or digest."""
        return f"{self.host}/{self.prefix}/{image}"


def from_environment(environment: Mapping[str, str] = os.environ) -> Registry:
    """The site's registry of `VNAOPS_REGISTRY` (`HOST[:PORT]/PREFIX`), else the embedded one.

    `VNAOPS_REGISTRY_CA` names a PEM file with its authority.
    Raises ImageError if the setting hasn't that form.
    """
    ca = environment.get("VNAOPS_REGISTRY_CA")
    if not (setting := environment.get("VNAOPS_REGISTRY")):
        return Registry(EMBEDDED, "vnaops", Path(ca) if ca else paths.node_dir() / "pki" / "ca.crt")
    if not (match := _REFERENCE.fullmatch(setting)):
        raise ImageError(f"VNAOPS_REGISTRY={setting!r}: must be HOST[:PORT]/PREFIX in lower case, without https://")
    if ca and not Path(ca).is_file():
        raise ImageError(f"VNAOPS_REGISTRY_CA={ca!r}: there is no such file")
    return Registry(match["host"], match["prefix"], Path(ca) if ca else None)


class Client:
    """Asks a registry. Credentials come from the standard auth file (its `auths`; credential helpers aren't called)."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._authorization: str | None = None

    def answers(self) -> bool:
        """Whether a registry's API answers there at all, with whatever status."""
        try:
            self._request("GET", "/v2/")
        except urllib.error.HTTPError:
            return True
        except OSError:
            return False
        return True

    def digest(self, image: str, tag: str) -> str | None:
        """The digest that the image's tag names, or None if the registry hasn't the tag.

        Raises ImageError if the registry can't be asked or refuses.
        """
        path = f"/v2/{self._registry.prefix}/{image}/manifests/{tag}"
        try:
            headers = self._authorized("HEAD", path)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            raise ImageError(f"registry {self._registry.host}: {path}: {error.code} {error.reason}") from error
        except OSError as error:
            raise ImageError(f"registry {self._registry.host} can't be asked: {error}") from error
        return headers["Docker-Content-Digest"]

    def _authorized(self, method: str, path: str) -> Mapping[str, str]:
        try:
            return self._request(method, path)
        except urllib.error.HTTPError as error:
            if error.code != 401 or self._authorization:
                raise
            self._authorization = self._answer(error.headers["WWW-Authenticate"] or "")
            return self._request(method, path)

    def _answer(self, challenge: str) -> str:
        """The Authorization header for a challenge: Basic, or a token got with it (distribution's token protocol)."""
        basic = _basic(self._registry.host)
        if not challenge.lower().startswith("bearer "):
            if basic is None:
                raise ImageError(f"registry {self._registry.host} wants a login: buildah login {self._registry.host}")
            return basic
        fields = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        query = urllib.parse.urlencode({name: fields[name] for name in ("service", "scope") if name in fields})
        address = f"{fields['realm']}?{query}"
        if not address.startswith("https://"):
            raise ImageError(f"registry {self._registry.host}: its token service isn't on https: {fields['realm']}")
        request = urllib.request.Request(address)  # noqa: S310 - checked on the line above
        if basic:
            request.add_header("Authorization", basic)
        with self._open(request) as response:
            token: dict[str, Any] = json.load(response)
        return f"Bearer {token.get('token') or token['access_token']}"

    def _request(self, method: str, path: str) -> Mapping[str, str]:
        request = urllib.request.Request(f"https://{self._registry.host}{path}", method=method)
        request.add_header("Accept", _MANIFESTS)
        if self._authorization:
            request.add_header("Authorization", self._authorization)
        with self._open(request) as response:
            headers: Mapping[str, str] = response.headers
            return headers

    def _open(self, request: urllib.request.Request) -> Any:
        context = ssl.create_default_context()
        if self._registry.ca and self._registry.ca.is_file():
            context.load_verify_locations(self._registry.ca)
        handlers: list[urllib.request.BaseHandler] = [urllib.request.HTTPSHandler(context=context)]
        if self._registry.embedded:
            handlers.append(urllib.request.ProxyHandler({}))
        return urllib.request.build_opener(*handlers).open(request, timeout=_TIMEOUT_SECONDS)


def _basic(host: str) -> str | None:
    """The Basic credentials for a host, from the first auth file of containers-auth.json(5) that has some."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.getuid()}")
    for file in (
        os.environ.get("REGISTRY_AUTH_FILE"),
        f"{runtime}/containers/auth.json",
        f"/run/containers/{os.getuid()}/auth.json",
        Path.home() / ".config/containers/auth.json",
        Path.home() / ".docker/config.json",
    ):
        if not file or not Path(file).is_file():
            continue
        entry = json.loads(Path(file).read_text()).get("auths", {}).get(host, {})
        if "auth" in entry:
            base64.b64decode(entry["auth"], validate=True)
            return f"Basic {entry['auth']}"
    return None
