// A panel of lines over time, stacked or not, with a legend that says the values under the cursor, or the last.

import uPlot from "./uPlot.esm.js";

import { axes, options } from "./axes.js";
import { faint, line } from "./colours.js";
import { element } from "./elements.js";
import { said } from "./number.js";
import { format } from "./units.js";

const FEW = 4;
const MOST = 10;
const BINARY_STEPS = Array.from({ length: 60 }, (_, power) => 2 ** power);

/** What a series is called: the legend's text with its labels filled in. */
export function named(legend, metric) {
  return legend.replace(/\{\{(\w+)\}\}/g, (_, label) => metric[label] ?? "");
}

// the newest; the last column may not be there yet, an older one is history
function last(values) {
  return values.at(-1) ?? values.at(-2) ?? null;
}

// the largest, in the order of their names; of many, only those that were something
function chosen(found) {
  const most = (one) => Math.max(...one.values.map((value) => Math.abs(value ?? 0)));
  const something = found.length > FEW ? found.filter((one) => most(one) > 0) : found;
  const kept = something.length ? [...something].sort((a, b) => most(b) - most(a)).slice(0, MOST) : found.slice(0, 1);
  return kept.sort((a, b) => a.order - b.order || a.name.localeCompare(b.name));
}

function stacked(rows) {
  const sums = [];
  for (const row of rows) {
    const below = sums.at(-1);
    sums.push(row.map((value, i) => (value === null && !below ? null : (value ?? 0) + (below?.[i] ?? 0))));
  }
  return sums;
}

/** A picture of lines in `into`; `update` draws anew. */
export class Lines {
  constructor(into, panel) {
    this.panel = panel;
    this.canvas = element("div", { class: "plot", "aria-hidden": "true" });
    this.legend = element("ul", { class: "legend" });
    into.replaceChildren(this.canvas, this.legend);
    this.sizes = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.sizes.observe(this.canvas);
  }

  size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  /** `results` has the series of each query. */
  update(results, grid) {
    const all = results.flatMap((found, order) =>
      found.map(({ metric, values }) => ({ order, values, name: named(this.panel.queries[order].legend, metric) })),
    );
    this.rows = chosen(all.filter((one) => one.values.some((value) => value !== null)));
    this.left = all.length - this.rows.length;
    const names = JSON.stringify(this.rows.map((row) => row.name));
    this.grid = grid;
    const values = this.rows.map((row) => row.values);
    const times = Array.from({ length: values[0]?.length ?? 0 }, (_, i) => grid.start + i * grid.step);
    const data = [times, ...(this.panel.stacked ? stacked(values) : values)];
    if (this.plot && names === this.names) {
      this.plot.setData(data);
    } else {
      this.names = names;
      this.plot?.destroy();
      this.colours = this.rows.map((row, turn) => line(row.name, turn));
      this.plot = new uPlot(this.options(), data, this.canvas);
    }
    this.say(null);
  }

  options() {
    const { stacked: stack, unit } = this.panel;
    const { width, height } = this.size();
    return {
      ...options(width, height, this.grid),
      scales: {
        x: { time: true, range: () => [this.grid.start, this.grid.end] },
        y: { range: (_, low, high) => [Math.min(0, low ?? 0), (high ?? 0) > 0 ? high * 1.08 : 1] },
      },
      axes: axes(
        (splits) => splits.map((value) => format(value, unit)),
        unit === "bytes" || unit === "binBps" ? { incrs: BINARY_STEPS } : {},
      ),
      series: [
        {},
        ...this.rows.map((row, i) => ({
          label: row.name,
          stroke: this.colours[i],
          // the line of an empty layer would be that of what is below it
          width: stack ? 0 : 1.75,
          fill: faint(this.colours[i], stack ? 0.7 : this.rows.length === 1 ? 0.12 : 0),
          points: { show: false },
        })),
      ],
      bands: stack ? this.rows.slice(1).map((_, i) => ({ series: [i + 2, i + 1] })) : [],
      hooks: { setCursor: [(plot) => this.say(plot.cursor.idx ?? null)] },
    };
  }

  // values at the cursor, or the last of each line
  say(at) {
    const items = this.rows.map((row, i) => {
      const swatch = element("i", {});
      swatch.style.background = this.colours[i];
      const value = at === null ? last(row.values) : row.values[at];
      return element("li", {}, swatch, row.name, " ", element("b", {}, said(value ?? null, this.panel)));
    });
    if (this.left > 0) items.push(element("li", { class: "more" }, `${this.left} more at nought or smaller`));
    this.legend.replaceChildren(...items);
  }

  /** Takes away what could be read as the present. */
  forget() {
    this.legend.replaceChildren();
  }

  destroy() {
    this.sizes.disconnect();
    this.plot?.destroy();
  }
}
