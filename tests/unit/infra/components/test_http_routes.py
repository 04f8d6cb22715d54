"""The routes of the HTTP front door; that HAProxy finds them is measured in tests/integration/exporters."""

import re

import pytest

from infra.components.http_routes import OPERATIONS, ROUTES

UID = "1.2.840.113619.2.55"


def test_names_are_names_and_each_is_there_once() -> None:
    assert len(set(OPERATIONS)) == len(OPERATIONS)
    assert all(re.fullmatch(r"[a-z-]+", name) for name in OPERATIONS)


@pytest.mark.parametrize("path", [f"/dicom-web/{UID}", f"/x/dicom-web/studies/{UID}", f"/wado/{UID}", f"/{UID}", "/"])
def test_what_is_no_route_matches_none(path: str) -> None:
    assert [route.name for route in ROUTES if re.search(route.path, path)] == []
