// A histogram over time: a column per moment, a row per bucket, the more the brighter. Drawn into uPlot's canvas.

import uPlot from "./uPlot.esm.js";

import { axes, options } from "./axes.js";
import { heat, ink } from "./colours.js";
import { element } from "./elements.js";
import { clock, format } from "./units.js";

/** Buckets apart, the fastest first: {bounds: upper bounds, rows: counts per moment}. Prometheus' are cumulative. */
export function buckets(found) {
  const sorted = found
    .map(({ metric, values }) => ({ bound: metric.le === "+Inf" ? Infinity : Number(metric.le), values }))
    .sort((a, b) => a.bound - b.bound);
  return {
    bounds: sorted.map((one) => one.bound),
    rows: sorted.map(({ values }, i) =>
      values.map((value, at) => {
        if (value === null) return null;
        // increases are extrapolated: a bucket can come out a hair smaller than the one below
        return Math.max(0, value - (i > 0 ? (sorted[i - 1].values[at] ?? 0) : 0));
      }),
    ),
  };
}

function seen(row) {
  return row.some((value) => value !== null && value > 0.05);
}

/** A picture of heat in `into`; `update` draws anew. */
export class HeatMap {
  constructor(into, panel) {
    this.panel = panel;
    this.canvas = element("div", { class: "plot", "aria-hidden": "true" });
    this.words = element("span", {});
    this.scale = element("span", { class: "scale" });
    into.replaceChildren(this.canvas, element("p", { class: "words" }, this.words, this.scale));
    this.sizes = new ResizeObserver(() => this.plot?.setSize(this.size()));
    this.sizes.observe(this.canvas);
  }

  size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  update([found], grid) {
    const { bounds, rows } = buckets(found);
    const first = rows.findIndex(seen);
    const end = rows.findLastIndex(seen);
    // one empty row at each side shows where it ends
    const from = first < 0 ? 0 : Math.max(0, first - 1);
    const to = first < 0 ? bounds.length : Math.min(bounds.length, end + 2);
    this.grid = grid;
    this.lower = from === 0 ? 0 : bounds[from - 1];
    this.bounds = bounds.slice(from, to);
    this.rows = rows.slice(from, to);
    this.most = Math.max(0, ...this.rows.flat().map((value) => value ?? 0));
    const times = Array.from({ length: this.rows[0]?.length ?? 0 }, (_, i) => grid.start + i * grid.step);
    this.plot?.destroy();
    this.plot = new uPlot(this.options(), [times, times.map(() => null)], this.canvas);
    this.scale.replaceChildren("1 ", element("i", {}), ` ${Math.ceil(this.most).toLocaleString("en")}`);
    this.say(null, null);
  }

  edge(index) {
    const value = index === 0 ? this.lower : this.bounds[index - 1];
    return value === Infinity ? "∞" : format(value, this.panel.unit);
  }

  options() {
    const { width, height } = this.size();
    const edges = Array.from({ length: this.bounds.length + 1 }, (_, i) => i);
    const every = Math.ceil((edges.length * 20) / Math.max(height - 40, 40));
    return {
      ...options(width, height, this.grid),
      scales: {
        x: { time: true, range: () => [this.grid.start, this.grid.end] },
        y: { range: () => [0, this.bounds.length] },
      },
      axes: axes((splits) => splits.map((index) => this.edge(index)), {
        splits: () => edges.filter((index) => index % every === 0),
        grid: { show: false },
      }),
      series: [{}, { points: { show: false } }],
      hooks: {
        draw: [(plot) => this.draw(plot)],
        setCursor: [(plot) => this.say(plot.cursor.idx ?? null, plot.posToVal(plot.cursor.top, "y"))],
      },
    };
  }

  draw(plot) {
    const colour = heat();
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    ctx.strokeStyle = ink().grid;
    ctx.strokeRect(bbox.left, bbox.top, bbox.width, bbox.height);
    this.rows.forEach((row, index) => {
      const top = plot.valToPos(index + 1, "y", true);
      const bottom = plot.valToPos(index, "y", true);
      row.forEach((value, at) => {
        if (value === null || value <= 0.05) return;
        // a column is the time before its moment: the increase up to it
        const right = plot.valToPos(this.grid.start + at * this.grid.step, "x", true);
        const left = plot.valToPos(this.grid.start + (at - 1) * this.grid.step, "x", true);
        ctx.fillStyle = colour(Math.sqrt(value / this.most));
        ctx.fillRect(left, top + 1, Math.max(1, right - left - (right - left > 4 ? 1 : 0)), bottom - top - 1);
      });
    });
    ctx.restore();
  }

  say(at, height) {
    const index = height === null ? -1 : Math.floor(height);
    if (at !== null && index >= 0 && index < this.rows.length && this.rows[index][at] !== undefined) {
      const when = clock(this.grid.start + at * this.grid.step, this.grid.end);
      const count = this.rows[index][at];
      const how = count === null ? "not known" : Math.round(count).toLocaleString("en");
      this.words.textContent = `${when} · ${this.edge(index)} to ${this.edge(index + 1)}: ${how}`;
      return;
    }
    const sums = this.rows.map((row) => row.reduce((sum, value) => sum + (value ?? 0), 0));
    const fullest = sums.indexOf(Math.max(...sums));
    const slowest = this.rows.findLastIndex(seen);
    this.words.textContent =
      slowest < 0
        ? "nothing in this time"
        : `most took ${this.edge(fullest)} to ${this.edge(fullest + 1)}, the slowest up to ${this.edge(slowest + 1)}`;
  }

  /** Takes away what could be read as the present. */
  forget() {
    this.words.textContent = "";
  }

  destroy() {
    this.sizes.disconnect();
    this.plot?.destroy();
  }
}
