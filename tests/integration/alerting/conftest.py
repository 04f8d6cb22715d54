"""What the tests of this folder share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.alerting.system import Told, running


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Told]:
    """A fresh Alertmanager."""
    with running(tmp_path) as made:
        yield made
