"""What is generated and committed: Grafana's dashboards, and the page's views."""

from pathlib import Path
from typing import Final

from infra.dashboards import DASHBOARDS

FOLDER: Final = Path(__file__).parent / "generated"
VIEWS: Final = FOLDER / "views.json"


def dashboard_files() -> dict[str, str]:
    """Name -> JSON of Grafana's dashboards, as committed."""
    return {f"{view.uid}.json": (FOLDER / f"{view.uid}.json").read_text() for view in DASHBOARDS}
