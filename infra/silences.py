"""Alertmanager's silences, by its API v2."""

import http.client
import json
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

WITHIN_SECONDS = 10.0


class AlertmanagerError(Exception):
    """Alertmanager isn't reached or refuses; one line says where and why."""


@dataclass(frozen=True)
class Matcher:
    """One condition of a silence; an alert is silenced when all are true."""

    name: str
    value: str
    equal: bool = True
    regex: bool = False


@dataclass(frozen=True)
class Silence:
    """Silenced from `starts` to `ends`; `id` is Alertmanager's, empty for a new one."""

    matchers: tuple[Matcher, ...]
    starts: datetime
    ends: datetime
    created_by: str
    comment: str
    id: str = ""


class Silences:
    """Those of the Alertmanager at `url` (http://HOST:PORT). Everything raises AlertmanagerError."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # it is in the cluster: a proxy to the world outside doesn't know it
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def living(self) -> list[Silence]:
        """All that silence now or will."""
        return [_silence(one) for one in self._call("GET", "silences") if one["status"]["state"] != "expired"]

    def put(self, silence: Silence) -> str:
        """Makes it, or changes the one with its id. Returns the id: another one where the matchers have changed."""
        body = {
            "matchers": [
                {"name": one.name, "value": one.value, "isEqual": one.equal, "isRegex": one.regex}
                for one in silence.matchers
            ],
            "startsAt": silence.starts.isoformat(),
            "endsAt": silence.ends.isoformat(),
            "createdBy": silence.created_by,
            "comment": silence.comment,
            **({"id": silence.id} if silence.id else {}),
        }
        return str(self._call("POST", "silences", body)["silenceID"])

    def expire(self, silence_id: str) -> None:
        """Ends it now."""
        self._call("DELETE", f"silence/{silence_id}")

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 (http, or refused below)
            f"{self.url}/api/v2/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with self._opener.open(request, timeout=WITHIN_SECONDS) as answer:
                said = answer.read()
            return json.loads(said) if said else None
        except urllib.error.HTTPError as error:
            with error:
                words = " ".join(error.read(1000).decode(errors="replace").split())
            raise AlertmanagerError(f"Alertmanager at {self.url} refuses ({error.code}): {words}") from None
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = error.reason if isinstance(error, urllib.error.URLError) else error
            words = "timed out" if isinstance(reason, socket.timeout) else str(reason) or type(reason).__name__
            raise AlertmanagerError(f"Alertmanager at {self.url} is not reached: {words}") from None
        except ValueError:
            raise AlertmanagerError(f"what answers at {self.url} is no Alertmanager: its answer is no JSON") from None


def _silence(told: Mapping[str, Any]) -> Silence:
    return Silence(
        tuple(Matcher(one["name"], one["value"], one.get("isEqual", True), one["isRegex"]) for one in told["matchers"]),
        datetime.fromisoformat(told["startsAt"]).astimezone(UTC),
        datetime.fromisoformat(told["endsAt"]).astimezone(UTC),
        told["createdBy"],
        told["comment"],
        told["id"],
    )
