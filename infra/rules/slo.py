"""Service level objectives as sloth reads them, and the rules that it has made of them (`infra/rules/generated/`).

An indicator is a pair of queries over `{{.window}}`: bad events and all events. Three rules keep it true:
no events make no series, never 0/0, so that nothing fires and nothing is averaged; what has no bad events yet has
nought of them, not a gap; an operation's good ones are counted at a bound of its histogram's buckets. The prober's own
operations count too: at night they are what keeps one failure of a few from being a catastrophe by percentage.

An objective is 17 rules, evaluated once a minute. Of 60 label sets with three days of samples (15 s apart), the rules
of both store objectives took 0.6 s of each minute on one core, by the windows of one and three days; it grows with
the sets.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic.alias_generators import to_camel

from infra.settings import Settings, SettingsError
from infra.slo_settings import PERIOD_DAYS, LatencyObjective, Objective, SloSettings

GENERATED: Final = Path(__file__).parent / "generated"
DEFAULT: Final = "default"
SPEC, RULES = "spec.yaml", "slo.yaml"
WINDOW: Final = "{{.window}}"
"""sloth puts each window's length here."""

PAGE: Final = (
    "Its budget burns 14.4 times as fast as it may, over 1 h and 5 min (2 % of {days} days' gone), "
    "or 6 times, over 6 h and 30 min (5 % gone)."
)
TICKET: Final = (
    "Its budget burns 3 times as fast as it may, over 1 d and 2 h, "
    "or faster than it may, over 3 d and 6 h (10 % of {days} days' gone)."
)


@dataclass(frozen=True)
class Events:
    """PromQL with `{{.window}}`: how many were bad, and how many there were; in the same unit."""

    bad: str
    all: str


@dataclass(frozen=True)
class Indicator:
    """What is counted for one of the settings' objectives."""

    field: str
    bad_are: str
    """What the share of bad events is a share of, with what is wrong with them."""
    histogram: str = ""
    """Of whose count and buckets the events are; without one they are the prober's probes."""
    labels: str = ""
    good: str = ""
    """Further labels of good events."""

    @property
    def alert(self) -> str:
        """store_success → SloStoreSuccess."""
        return "Slo" + self.field.title().replace("_", "")

    @property
    def name(self) -> str:
        """store_success → store-success."""
        return self.field.replace("_", "-")

    def events(self, objective: Objective, scrape_seconds: int) -> Events:
        """The two queries."""
        if not self.histogram:
            # all probes that the window has room for: by those that were made, the one that fails while an environment
            # is deployed would page for its first half hour; whether probes are made is ProbeBlind's
            probes = f"dicom_probe_success{{{self.labels}}}[{WINDOW}]"
            began = f"last_over_time(vector(time())[1s:1s] offset {WINDOW})"
            return Events(
                f"avg(count_over_time({probes}) - sum_over_time({probes}))", f"(time() - {began}) / {scrape_seconds}"
            )
        every = _rate(f"{self.histogram}_count", self.labels)
        good = _rate(f"{self.histogram}_count", self.labels, self.good)
        if isinstance(objective, LatencyObjective):
            # "5.0" is what Python's client writes, "5" what Prometheus 3 makes of it
            bound = f"{objective.seconds:g}"
            le = f'le="{bound}"' if "." in bound else f'le=~"{bound}([.]0)?"'
            good = _rate(f"{self.histogram}_bucket", self.labels, self.good, le)
        return Events(f"{every} - ({good} or 0 * {every})", f"{every} > 0")


def _rate(metric: str, *labels: str) -> str:
    return f"sum(rate({metric}{{{', '.join(one for one in labels if one)}}}[{WINDOW}]))"


OPERATIONS: Final = "dimse_tap_operation_duration_seconds"
ANSWERED: Final = 'status_class!="failure"'
INDICATORS: Final = (
    Indicator("store_success", "of C-STOREs fail", OPERATIONS, 'operation="C-STORE"', ANSWERED),
    # those that fail are the objective above's: a quick refusal is no fast store
    Indicator("store_latency", "of C-STOREs take too long", OPERATIONS, f'operation="C-STORE", {ANSWERED}'),
    Indicator(
        "retrieve_dimse",
        "of C-MOVEs and C-GETs wait too long for the first image",
        "dimse_tap_first_response_seconds",
        'operation=~"C-MOVE|C-GET"',
    ),
    Indicator(
        "retrieve_wado",
        "of WADO-RS requests wait too long for the first byte",
        "http_transactions_first_byte_seconds",
        'operation=~"wado-rs-.*"',
    ),
    Indicator("query", "of C-FINDs fail or take too long", OPERATIONS, 'operation="C-FIND"', ANSWERED),
    Indicator("front_door", "of the prober's C-ECHOs fail", labels='module="echo"'),
)


def spec(settings: Settings) -> dict[str, Any]:
    """sloth's input (`prometheus/v1`); the same for every stack with the same objectives and scrapes."""
    return {
        "version": "prometheus/v1",
        "service": "vnaops",
        "slos": [
            _slo(indicator, objective, settings.monitoring.scrape_seconds)
            for indicator in INDICATORS
            if (objective := getattr(settings.slos, indicator.field)) is not None
        ],
    }


def _slo(indicator: Indicator, objective: Objective, scrape_seconds: int) -> dict[str, Any]:
    events = indicator.events(objective, scrape_seconds)
    declared = SloSettings.model_fields[indicator.field].description
    in_time = f" within {objective.seconds:g} s" if isinstance(objective, LatencyObjective) else ""
    what = f"{objective.objective:g} % of {PERIOD_DAYS} days{in_time} (slos.{to_camel(indicator.field)} of the stack)"
    summary = f"{{{{ $value | humanizePercentage }}}} {indicator.bad_are}."

    def alert(severity: str, how: str) -> dict[str, Any]:
        return {
            "labels": {"severity": severity},
            "annotations": {"description": f"The objective is {what}. {how.format(days=PERIOD_DAYS)}"},
        }

    return {
        "name": indicator.name,
        "objective": objective.objective,
        "description": f"{declared}: {what}.",
        "sli": {"events": {"error_query": events.bad, "total_query": events.all}},
        "alerting": {
            "name": indicator.alert,
            "labels": {"component": f"slo-{indicator.name}"},
            "annotations": {"summary": summary},
            "page_alert": alert("critical", PAGE),
            "ticket_alert": alert("warning", TICKET),
        },
    }


def text(made: dict[str, Any]) -> str:
    """A spec as YAML: what is committed beside the rules that were made of it."""
    return yaml.safe_dump(made, sort_keys=False, width=1000, allow_unicode=True)


def rules(settings: Settings, stack: str) -> dict[str, Any] | None:
    """What sloth has made of this stack's objectives; None without any.

    A stack whose objectives are the defaults has no rules of its own. Raises SettingsError where the committed rules
    are of other objectives.
    """
    wanted = spec(settings)
    if not wanted["slos"]:
        return None
    for folder in (GENERATED / stack, GENERATED / DEFAULT):
        if (folder / SPEC).exists() and yaml.safe_load((folder / SPEC).read_text()) == wanted:
            made: dict[str, Any] = yaml.safe_load((folder / RULES).read_text())
            return made
    raise SettingsError(
        f"vnaops:slos: infra/rules/generated/ has no rules of stack {stack}'s objectives: run make rules"
    )
