"""The pictures' declaration: what every view has, that its queries are PromQL, that what is generated is fresh."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.dashboards import DASHBOARDS
from infra.dashboards.__main__ import generated
from infra.dashboards.generated_files import FOLDER
from infra.dashboards.panel import CALLING, WINDOW, Dashboard, Kind, Limits, Panel, Query, Unit, stat
from infra.dashboards.wall import WALL

PANELS = {f"{view.uid}: {panel.title}": panel for view in DASHBOARDS for panel in view.panels}
PANELS |= {f"wall: {panel.title}": panel for panel in WALL}


def filled(promql: str) -> str:
    return promql.replace(WINDOW, "5m").replace(CALLING, "VNAOPS_LOAD")


def test_every_query_is_promql(tmp_path: Path) -> None:
    queries = [filled(query.promql) for panel in PANELS.values() for query in panel.queries]
    rules = [{"record": f"number:{number}", "expr": promql} for number, promql in enumerate(queries)]
    (tmp_path / "queries.yaml").write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    done = subprocess.run(
        ["promtool", "check", "rules", str(tmp_path / "queries.yaml")], capture_output=True, text=True, check=False
    )
    assert f"SUCCESS: {len(queries)} rules found" in done.stdout, done.stdout + done.stderr


def test_what_is_committed_is_what_the_declaration_makes() -> None:
    committed = {file.name: file.read_text() for file in FOLDER.glob("*.json")}
    assert committed == generated(), "run `make dashboards` and commit what it writes"


@pytest.mark.parametrize("view", DASHBOARDS, ids=lambda view: view.uid)
def test_grafana_s_dashboard_has_its_uid_and_title_and_every_panel_a_unit_and_a_place(view: Dashboard) -> None:
    made: dict[str, Any] = json.loads((FOLDER / f"{view.uid}.json").read_text())
    assert (made["uid"], made["title"]) == (view.uid, view.title)
    assert [panel["title"] for panel in made["panels"]] == [panel.title for panel in view.panels]
    taken = set()
    for panel in made["panels"]:
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert taken.isdisjoint(cells)
        assert place["x"] + place["w"] <= 24
        taken |= cells
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_grafana_is_told_no_placeholder_that_it_does_not_know() -> None:
    for view in DASHBOARDS:
        made = json.loads((FOLDER / f"{view.uid}.json").read_text())
        variables = {f"${variable['name']}" for variable in made["templating"]["list"]} | {"$__rate_interval"}
        for panel in made["panels"]:
            for target in panel["targets"]:
                assert set(re.findall(r"\$[a-z_]\w*", target["expr"])) <= variables


def test_views_and_their_panels_have_names_of_their_own() -> None:
    assert len({view.uid for view in DASHBOARDS}) == len(DASHBOARDS) == 5
    for view in DASHBOARDS:
        assert len({panel.title for panel in view.panels}) == len(view.panels)


def test_every_panel_says_what_it_shows_in_a_sentence() -> None:
    for name, panel in PANELS.items():
        assert re.fullmatch(r"[A-Z].*[.]", panel.about), name


def test_lines_of_one_picture_can_be_told_apart() -> None:
    for name, panel in PANELS.items():
        if panel.kind is Kind.TIME_SERIES:
            assert all(query.legend for query in panel.queries), name
            assert len({query.legend for query in panel.queries}) == len(panel.queries), name


def test_a_heat_map_is_drawn_from_a_histogram() -> None:
    for name, panel in PANELS.items():
        if panel.kind is Kind.HEAT_MAP:
            assert "_bucket" in panel.queries[0].promql, name
            assert panel.queries[0].promql.startswith("sum by (le) (increase("), name


def test_few_panels_may_be_empty_under_load() -> None:
    assert len([name for name, panel in PANELS.items() if panel.empty_when]) <= 4


def test_a_number_over_a_window_is_refused() -> None:
    with pytest.raises(ValueError, match=r"Rate: a number has no resolution, so that \$window means nothing in it"):
        stat("Rate", Unit.PER_SECOND, "sum(rate(up[$window]))", "A rate.")


def test_a_table_of_two_queries_is_refused() -> None:
    with pytest.raises(ValueError, match="Two: a table has one query"):
        Panel("Two", Kind.TABLE, Unit.NUMBER, (Query("up"), Query("up")), "Two.")


def test_limits_say_by_their_order_which_side_is_bad() -> None:
    assert Limits(90, 30).low_is_bad
    assert not Limits(1, 5).low_is_bad
