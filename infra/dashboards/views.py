"""The views of the page (infra/images/page/site): the declaration as JSON."""

import json
from math import isinf
from typing import Any

from infra.dashboards import DASHBOARDS
from infra.dashboards.panel import Panel, Query
from infra.dashboards.wall import WALL


def _value(number: float) -> str:
    """A number as JavaScript's String() spells it."""
    return ("Infinity" if number > 0 else "-Infinity") if isinf(number) else f"{number:g}"


def _query(query: Query) -> dict[str, str]:
    return {"promql": query.promql, "legend": query.legend}


def _panel(panel: Panel) -> dict[str, Any]:
    limits = {"warning": panel.limits.warning, "critical": panel.limits.critical} if panel.limits else None
    return {
        "title": panel.title,
        "kind": panel.kind,
        "unit": panel.unit,
        "queries": [_query(query) for query in panel.queries],
        "about": panel.about,
        "jobs": list(panel.jobs),
        "limits": limits,
        "words": {_value(number): text for number, text in panel.words.items()},
        "stacked": panel.stacked,
        "emptyWhen": panel.empty_when,
    }


def views() -> str:
    """The JSON that the page reads."""
    known = {
        "wall": [_panel(panel) for panel in WALL],
        "views": [
            {
                "id": view.uid.removeprefix("vnaops-"),
                "title": view.title,
                "about": view.about,
                "panels": [_panel(panel) for panel in view.panels],
            }
            for view in DASHBOARDS
        ],
    }
    return json.dumps(known, indent=1, ensure_ascii=False) + "\n"
