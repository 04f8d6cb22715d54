// A card with one panel: asks its queries, draws the answer, and says when it isn't current.

import { range, instant } from "./prometheus.js";
import { element } from "./elements.js";
import { stale } from "./freshness.js";
import { HeatMap } from "./heat-map.js";
import { Lines } from "./lines.js";
import { drawTable } from "./table.js";

const DRAWN = { "time-series": Lines, "heat-map": HeatMap };
let cards = 0;

/** A query with its placeholders filled in. */
export function filled(promql, calling, window) {
  return promql.replaceAll("$window", `${window}s`).replaceAll("$calling", calling);
}

export class Picture {
  constructor(panel, settings) {
    this.panel = panel;
    this.settings = settings;
    const id = `picture-${(cards += 1)}`;
    this.note = element("span", { class: "stale" });
    this.body = element("div", { class: "body" });
    this.card = element(
      "figure",
      { class: `card ${panel.kind}`, role: "group", "aria-labelledby": id },
      element("figcaption", {}, element("h3", { id }, panel.title), element("p", {}, panel.about), this.note),
      this.body,
    );
  }

  /** Asks and draws. Raises what asking raises. */
  async refresh(grid, known) {
    const { panel, settings } = this;
    const ask = ({ promql }) => {
      const query = filled(promql, settings.calling, grid.window);
      return panel.kind === "table" ? instant(query) : range(query, grid.start, grid.end, grid.step);
    };
    const results = await Promise.all(panel.queries.map(ask));
    const why = stale(panel.jobs, known, settings.scrapeSeconds);
    this.note.textContent = why ? `not current: ${why}` : "";
    const isNumber = (value) => value !== null && !Number.isNaN(value);
    const empty = !results.flat().some((one) => isNumber(one.value ?? null) || (one.values ?? []).some(isNumber));
    if (empty || (panel.kind === "table" && why)) return this.say(empty ? panel.emptyWhen || "no data" : "–");
    if (panel.kind === "table") {
      drawTable(this.body, panel, results[0]);
      return undefined;
    }
    if (!this.drawn) this.drawn = new DRAWN[panel.kind](this.body, panel);
    this.drawn.update(results, grid);
    return undefined;
  }

  /** Words in place of a picture. */
  say(words) {
    this.clear();
    this.body.replaceChildren(element("p", { class: "nothing" }, words));
  }

  /** Nothing is current: the past may stay, no present value does. */
  blind() {
    this.note.textContent = "not current";
    if (this.drawn) this.drawn.forget();
    else this.say("not known");
  }

  clear() {
    this.drawn?.destroy();
    this.drawn = null;
  }
}
