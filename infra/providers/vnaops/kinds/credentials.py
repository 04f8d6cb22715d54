"""`vnaops:index:Credentials`: S3 keys in the state that also lie as a profile in this machine's credentials file."""

from collections.abc import Set

from typing_extensions import override

from infra import paths
from infra.providers.vnaops import credentials_file
from infra.providers.vnaops.credentials_file import Keys
from infra.providers.vnaops.errors import RefusalError
from infra.providers.vnaops.inputs import CredentialsInputs
from infra.providers.vnaops.kinds.kind import Found, Kind, Properties
from infra.providers.vnaops.patience import Patience


class Credentials(Kind):
    """The id is the profile's name. The file is a copy: where it is missing, it is written from the state."""

    inputs = CredentialsInputs
    computed = frozenset({"accessKeyId", "secretAccessKey"})
    secret = frozenset({"secretAccessKey"})

    @override
    def replacing(self, changed: Set[str], state: Properties, news: Properties) -> Set[str]:
        """Another profile is another resource; other keys are written over the old ones."""
        return changed & {"profile"}

    @override
    def stale(self, state: Properties, news: Properties) -> Set[str]:
        """The keys, where this machine's file has none or others."""
        held = credentials_file.read(paths.credentials_file(), state["profile"])
        return frozenset() if held == _keys(state) else self.computed

    @override
    def unknown_after_update(self, changed: Set[str], state: Properties, news: Properties) -> Set[str]:
        """None: the file follows the state."""
        return frozenset()

    @override
    def create(self, urn: str, news: Properties, patience: Patience) -> tuple[str, Properties]:
        """New keys, unless some were given; the profile must be nobody else's."""
        keys = _keys(news) or credentials_file.new_keys()
        credentials_file.write(paths.credentials_file(), news["profile"], keys, urn)
        return news["profile"], _state(news["profile"], keys)

    @override
    def read(self, identity: str, urn: str, inputs: Properties, state: Properties) -> Found | None:
        """Written from the state where it is missing here, so that a refresh on another machine can see the buckets."""
        file = paths.credentials_file()
        held = credentials_file.read(file, identity)
        if keys := _keys(state):
            if held is None:
                credentials_file.write(file, identity, keys, urn)
            return Found(identity, inputs, state)
        if held is None:
            raise RefusalError(f"there is no profile {identity!r} in {file}: write it there, then repeat the import")
        credentials_file.claim(file, identity, urn)
        return Found(identity, {"profile": identity}, _state(identity, held))

    @override
    def update(self, identity: str, urn: str, state: Properties, news: Properties, patience: Patience) -> Properties:
        """The given keys, else those of the state, are written to the file."""
        keys = _keys(news) or _keys(state) or credentials_file.new_keys()
        credentials_file.write(paths.credentials_file(), identity, keys, urn)
        return _state(identity, keys)

    @override
    def delete(self, identity: str, state: Properties, patience: Patience) -> None:
        """The profile goes if it still has these keys."""
        if keys := _keys(state):
            credentials_file.remove(paths.credentials_file(), identity, keys)


def _keys(properties: Properties) -> Keys | None:
    if properties.get("accessKeyId") and properties.get("secretAccessKey"):
        return Keys(properties["accessKeyId"], properties["secretAccessKey"])
    return None


def _state(profile: str, keys: Keys) -> Properties:
    return {"profile": profile, "accessKeyId": keys.access_key_id, "secretAccessKey": keys.secret_access_key}
