"""The package's schema (`pulumi package get-schema`), made from the models, so that the two can't disagree."""

import json
from collections.abc import Mapping
from typing import Any

from infra.providers.vnaops.kinds.kind import Kind

_COMPUTED = {
    "arn": "the bucket's Amazon resource name",
    "value": "the secret",
    "certificate": "PEM",
    "privateKey": "PEM (PKCS #8)",
    "notAfter": "end of validity (ISO 8601)",
    "accessKeyId": "the access key",
    "secretAccessKey": "its secret",
}


def schema_of(name: str, version: str, kinds: Mapping[str, Kind]) -> str:
    """The schema as JSON."""
    return json.dumps({"name": name, "version": version, "resources": {t: _resource(k) for t, k in kinds.items()}})


def _resource(kind: Kind) -> dict[str, Any]:
    model = kind.inputs.model_json_schema(by_alias=True)
    given = {name: _property(spec, secret=name in kind.secret) for name, spec in model["properties"].items()}
    computed = {
        name: {"type": "string", "description": _COMPUTED[name], "secret": name in kind.secret}
        for name in sorted(kind.computed)
    }
    return {
        "description": (type(kind).__doc__ or "").strip(),
        "inputProperties": given,
        "requiredInputs": model.get("required", []),
        "properties": given | computed,
        "required": sorted({*model.get("required", []), *kind.computed}),
    }


def _property(spec: Mapping[str, Any], *, secret: bool) -> dict[str, Any]:
    """A property of JSON schema as Pulumi's schema has it: no null, no nested defaults."""
    kind = next((one for one in spec.get("anyOf", [spec]) if one.get("type") != "null"), spec)
    shown: dict[str, Any] = {"type": kind.get("type", "string")}
    if "items" in kind:
        shown["items"] = {"type": kind["items"].get("type", "string")}
    if "additionalProperties" in kind:
        shown["additionalProperties"] = {"type": kind["additionalProperties"].get("type", "string")}
    if "description" in spec:
        shown["description"] = spec["description"]
    return shown | ({"secret": True} if secret else {})
