"""`vnaops:index:Secret`: a random value that lives in the state, encrypted, and nowhere else."""

import secrets
from collections.abc import Set
from pathlib import Path

from typing_extensions import override

from infra.providers.vnaops import secret_values
from infra.providers.vnaops.errors import RefusalError
from infra.providers.vnaops.inputs import SecretInputs
from infra.providers.vnaops.kinds.kind import Found, Kind, Properties
from infra.providers.vnaops.patience import Patience


class Secret(Kind):
    """The id says nothing about the value. Whatever changes makes another secret."""

    inputs = SecretInputs
    computed = frozenset({"value"})
    secret = frozenset({"value"})

    @override
    def replacing(self, changed: Set[str], state: Properties, news: Properties) -> Set[str]:
        """A secret is not changed, it is replaced, so that what uses it can follow while the old one is still there."""
        return changed

    @override
    def create(self, urn: str, news: Properties, patience: Patience) -> tuple[str, Properties]:
        """From the operating system's randomness."""
        value = secret_values.random_value(int(news["length"]), news["alphabet"])
        return secrets.token_hex(8), {**news, "value": value}

    @override
    def read(self, identity: str, urn: str, inputs: Properties, state: Properties) -> Found | None:
        """The state is all there is. An import's id is a file with the value: an argument could be seen by others."""
        if state:
            return Found(identity, inputs, state)
        value = secret_of_file(identity, "secret").strip("\n")
        alphabet = secret_values.ALPHANUMERIC
        if not set(value) <= set(alphabet):
            alphabet = "".join(sorted(set(alphabet) | set(value)))
        imported = {"length": len(value), "alphabet": alphabet, "keepers": {}}
        return Found(secrets.token_hex(8), imported, {**imported, "value": value})

    @override
    def update(self, identity: str, urn: str, state: Properties, news: Properties, patience: Patience) -> Properties:
        """Never asked for: see `replacing`."""
        return {**news, "value": state["value"]}

    @override
    def delete(self, identity: str, state: Properties, patience: Patience) -> None:
        """Nothing outside the state."""


def secret_of_file(name: str, what: str) -> str:
    """The text of the file that an import names."""
    try:
        text = Path(name).expanduser().read_text()
    except OSError as error:
        raise RefusalError(f"{name}: {error.strerror}: the id of an import is a file that holds the {what}") from None
    if not text.strip():
        raise RefusalError(f"{name} is empty: the id of an import is a file that holds the {what}")
    return text
