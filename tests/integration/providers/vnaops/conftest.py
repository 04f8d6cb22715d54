"""One SeaweedFS for all tests of the provider."""

from collections.abc import Iterator

import pytest

from tests.peers.seaweedfs import SeaweedFS, seaweedfs


@pytest.fixture(scope="session")
def store() -> Iterator[SeaweedFS]:
    with seaweedfs() as running:
        yield running
