"""`vnaops:index:Certificate`: a certificate and its key, renewed by the `up` that finds it near its end."""

import re
from collections.abc import Set
from datetime import datetime
from typing import Any

from typing_extensions import override

from infra.providers.vnaops import certificates
from infra.providers.vnaops.certificates import Authority, Issued, Wish
from infra.providers.vnaops.errors import RefusalError
from infra.providers.vnaops.inputs import CertificateInputs
from infra.providers.vnaops.kinds.kind import Found, Kind, Properties
from infra.providers.vnaops.kinds.secret import secret_of_file
from infra.providers.vnaops.patience import Patience

PEM = re.compile(r"-----BEGIN ([A-Z ]+)-----\n.*?-----END \1-----\n?", re.DOTALL)

# Inputs that a certificate does not carry: changing one of them makes no new certificate.
NOT_CARRIED = frozenset({"renewBeforeDays", "caPrivateKey"})


class Certificate(Kind):
    """The id is the serial number it was first made with."""

    inputs = CertificateInputs
    computed = frozenset({"certificate", "privateKey", "notAfter"})
    secret = frozenset({"privateKey", "caPrivateKey"})

    @override
    def replacing(self, changed: Set[str], state: Properties, news: Properties) -> Set[str]:
        """Another subject, or another role, is another certificate; all else is issued again in place."""
        return changed & {"commonName", "isCa"}

    @override
    def stale(self, state: Properties, news: Properties) -> Set[str]:
        """All of it, where renewal is due; an authority keeps its key."""
        authority = _authority(news)
        now = certificates.utc_now()
        if certificates.renewal_is_due(
            datetime.fromisoformat(state["notAfter"]),
            int(news.get("renewBeforeDays", 0)),
            certificates.end_of_issue(int(news.get("validityDays", 1)), authority, now),
            now,
        ):
            return self._issued(news)
        return frozenset()

    @override
    def unknown_after_update(self, changed: Set[str], state: Properties, news: Properties) -> Set[str]:
        """All of it, where it is issued again."""
        return self._issued(news) if changed - NOT_CARRIED else self.stale(state, news)

    def _issued(self, news: Properties) -> frozenset[str]:
        return self.computed - {"privateKey"} if news.get("isCa") else self.computed

    @override
    def create(self, urn: str, news: Properties, patience: Patience) -> tuple[str, Properties]:
        """Signed by the authority, or by its own key."""
        issued = certificates.issue(_wish(news), _authority(news), certificates.utc_now())
        serial = certificates.load_certificate(issued.certificate, "certificate").serial_number
        return f"{serial:x}", {**news, **_outputs(issued)}

    @override
    def read(self, identity: str, urn: str, inputs: Properties, state: Properties) -> Found | None:
        """The state is all there is. An import's id is a PEM file: certificate, its authority's if any, private key."""
        return Found(identity, inputs, state) if state else self._import(identity)

    @override
    def update(self, identity: str, urn: str, state: Properties, news: Properties, patience: Patience) -> Properties:
        """Issue it again where what it carries changed or its end is near; else only note the inputs."""
        changed = {name for name in {*state, *news} - self.computed if state.get(name) != news.get(name)}
        if not self.unknown_after_update(changed, state, news):
            return {**news, **{name: state[name] for name in self.computed}}
        kept = state["privateKey"] if news.get("isCa") else None
        patience.progress(f"issuing {news['commonName']} again")
        return {
            **news,
            **_outputs(certificates.issue(_wish(news), _authority(news), certificates.utc_now(), private_key=kept)),
        }

    @override
    def delete(self, identity: str, state: Properties, patience: Patience) -> None:
        """Nothing outside the state."""

    def _import(self, file: str) -> Found:
        blocks = list(PEM.finditer(secret_of_file(file, "certificate and its private key (PEM)")))
        found = [block.group(0) for block in blocks if block.group(1) == "CERTIFICATE"]
        keys = [block.group(0) for block in blocks if block.group(1).endswith("PRIVATE KEY")]
        if not found or len(keys) != 1:
            raise RefusalError(f"{file} needs one private key and at least one certificate in PEM form")
        key = certificates.load_key(keys[0], f"the private key in {file}")
        certificate = certificates.load_certificate(found[0], f"the first certificate in {file}")
        if certificate.public_key() != key.public_key():
            raise RefusalError(f"the private key in {file} does not belong to its first certificate")
        wish = certificates.wish_of(found[0])
        inputs: dict[str, Any] = {
            "commonName": wish.common_name,
            "dnsNames": list(wish.dns_names),
            "ipAddresses": list(wish.ip_addresses),
            "validityDays": wish.validity_days,
            "renewBeforeDays": min(30, wish.validity_days - 1),
            "isCa": wish.is_ca,
            **({"usages": list(wish.usages)} if list(wish.usages) != _usages({"isCa": wish.is_ca}) else {}),
            **({"caCertificate": found[1]} if len(found) > 1 else {}),
        }
        outputs = _outputs(Issued(found[0], keys[0], certificate.not_valid_after_utc))
        return Found(f"{certificate.serial_number:x}", inputs, {**inputs, **outputs})


def _authority(properties: Properties) -> Authority | None:
    if properties.get("caCertificate") and properties.get("caPrivateKey"):
        return Authority(properties["caCertificate"], properties["caPrivateKey"])
    return None


def _usages(properties: Properties) -> list[certificates.Usage]:
    return properties.get("usages") or ([] if properties.get("isCa") else ["serverAuth"])


def _wish(properties: Properties) -> Wish:
    return Wish(
        common_name=properties["commonName"],
        dns_names=properties.get("dnsNames", []),
        ip_addresses=properties.get("ipAddresses", []),
        validity_days=int(properties["validityDays"]),
        is_ca=bool(properties.get("isCa")),
        usages=_usages(properties),
    )


def _outputs(issued: Issued) -> dict[str, Any]:
    return {
        "certificate": issued.certificate,
        "privateKey": issued.private_key,
        "notAfter": issued.not_after.isoformat(),
    }
