"""The pictures of an environment: one declaration, from which Grafana's dashboards and the page's views are made."""

from typing import Final

from infra.dashboards import archive, campaigns, dicom, front_door, storage
from infra.dashboards.panel import Dashboard

DASHBOARDS: Final[tuple[Dashboard, ...]] = (
    front_door.DASHBOARD,
    dicom.DASHBOARD,
    archive.DASHBOARD,
    storage.DASHBOARD,
    campaigns.DASHBOARD,
)
