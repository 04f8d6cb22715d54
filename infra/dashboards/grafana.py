"""Grafana's dashboards of the declaration, by grafana-foundation-sdk (a dependency of development: what is deployed is
generated and committed)."""

import json
from collections.abc import Callable
from itertools import repeat
from math import inf, isinf
from string import ascii_uppercase
from typing import Any, Final

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models import heatmap as heatmap_models
from grafana_foundation_sdk.models import prometheus as prometheus_models

from infra.dashboards.panel import CALLING, WINDOW, Dashboard, Kind, Limits, Panel, Query, Unit

DATASOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
GREEN, YELLOW, RED = "green", "yellow", "red"
NUMBERS_IN_A_ROW, PICTURES_IN_A_ROW, COLUMNS = 4, 3, 24


def _query(query: Query, kind: Kind, letter: str) -> prometheus.Dataquery:
    promql = query.promql.replace(WINDOW, "$__rate_interval")
    built = prometheus.Dataquery().ref_id(letter).expr(promql).legend_format(query.legend)
    if kind is Kind.TABLE:
        return built.instant().format(prometheus_models.PromQueryFormat.TABLE)
    if kind is Kind.HEAT_MAP:
        return built.range().format(prometheus_models.PromQueryFormat.HEATMAP)
    return built.instant() if kind is Kind.STAT else built.range()


def _thresholds(limits: Limits) -> dashboard.ThresholdsConfig:
    """A step says from where on its colour holds; what is low and bad is red up to the critical value."""
    if limits.low_is_bad:
        steps = [(None, RED), (limits.critical, YELLOW), (limits.warning, GREEN)]
    else:
        steps = [(None, GREEN), (limits.warning, YELLOW), (limits.critical, RED)]
    return (
        dashboard.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=color) for value, color in steps])
    )


def _mappings(panel: Panel) -> list[models.ValueMapping]:
    def value(number: float) -> str:
        return ("Infinity" if number == inf else "-Infinity") if isinf(number) else f"{number:g}"

    words = {value(number): models.ValueMappingResult(text=text) for number, text in panel.words.items()}
    return [models.ValueMap(options=words)] if words else []


def _time_series(panel: Panel) -> timeseries.Panel:
    built = (
        timeseries.Panel()
        .fill_opacity(60 if panel.stacked else 8)
        .line_width(0 if panel.stacked else 1)  # the line of an empty layer would be that of what is below it
        .show_points(common_models.VisibilityMode.NEVER)
        .min(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(common_models.LegendDisplayMode.LIST)
            .placement(common_models.LegendPlacement.BOTTOM)
            .show_legend(True)
        )
        .tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    )
    if panel.stacked:
        built.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A"))
    return built


def _heat_map(panel: Panel) -> heatmap.Panel:
    return (
        heatmap.Panel()
        .calculate(False)
        .color(
            heatmap.HeatmapColorOptions()
            .mode(heatmap_models.HeatmapColorMode.SCHEME)
            .scheme("Viridis")
            .scale(heatmap_models.HeatmapColorScale.EXPONENTIAL)
            .exponent(0.5)
        )
        .y_axis(heatmap.YAxisConfig().unit(panel.unit))
        .show_tooltip()
    )


def _stat(panel: Panel) -> stat.Panel:
    return (
        stat.Panel()
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .color_mode(common_models.BigValueColorMode.VALUE if panel.limits else common_models.BigValueColorMode.NONE)
        .graph_mode(common_models.BigValueGraphMode.NONE)
    )


def _table(panel: Panel) -> table.Panel:
    built = table.Panel().override_by_name("Time", [models.DynamicConfigValue(id_val="custom.hidden", value=True)])
    if panel.limits:
        coloured = models.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"})
        built.override_by_name("Value", [coloured])
    return built


_KINDS: Final[dict[Kind, Callable[[Panel], Any]]] = {
    Kind.TIME_SERIES: _time_series,
    Kind.HEAT_MAP: _heat_map,
    Kind.STAT: _stat,
    Kind.TABLE: _table,
}


def _panel(panel: Panel, number: int, position: models.GridPos) -> Any:
    built = (
        _KINDS[panel.kind](panel)
        .id(number)
        .title(panel.title)
        .description(panel.about)
        .datasource(DATASOURCE)
        .unit("none" if panel.words and panel.unit is Unit.NUMBER else panel.unit)
        .grid_pos(position)
        .targets([_query(*one) for one in zip(panel.queries, repeat(panel.kind), ascii_uppercase, strict=False)])
    )
    if panel.limits:
        built.thresholds(_thresholds(panel.limits))
    if mappings := _mappings(panel):
        built.mappings(mappings)
    return built


def _positions(panels: tuple[Panel, ...]) -> list[models.GridPos]:
    """Numbers in rows at the top, pictures in rows below."""
    numbers = sum(panel.kind is Kind.STAT for panel in panels)
    below = -(-numbers // NUMBERS_IN_A_ROW) * 4
    positions, number, picture = [], 0, 0
    for panel in panels:
        if panel.kind is Kind.STAT:
            row, column, width = *divmod(number, NUMBERS_IN_A_ROW), COLUMNS // NUMBERS_IN_A_ROW
            positions.append(models.GridPos(h=4, w=width, x=column * width, y=row * 4))
            number += 1
        else:
            row, column, width = *divmod(picture, PICTURES_IN_A_ROW), COLUMNS // PICTURES_IN_A_ROW
            positions.append(models.GridPos(h=8, w=width, x=column * width, y=below + row * 8))
            picture += 1
    return positions


def _calling() -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(CALLING.removeprefix("$"))
        .label("Load generator")
        .datasource(DATASOURCE)
        .query("label_values(dimse_tap_instances_total, calling)")
        .current(models.VariableOption(text="VNAOPS_LOAD", value="VNAOPS_LOAD"))
        .refresh(models.VariableRefresh.ON_DASHBOARD_LOAD)
    )


def grafana(view: Dashboard) -> str:
    """The dashboard's JSON."""
    built = (
        dashboard.Dashboard(view.title)
        .uid(view.uid)
        .description(view.about)
        .tags(["vnaops"])
        .readonly()
        .refresh("30s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
    )
    if any(CALLING in query.promql for panel in view.panels for query in panel.queries):
        built.with_variable(_calling())
    for number, (panel, position) in enumerate(zip(view.panels, _positions(view.panels), strict=True), 1):
        built.with_panel(_panel(panel, number, position))
    return json.dumps(json.loads(JSONEncoder(sort_keys=True, indent=1).encode(built.build())), indent=1) + "\n"
