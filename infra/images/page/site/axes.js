// What all pictures over time have in common.

import { ink } from "./colours.js";

const DAY = 86400;

function time(unix, span) {
  const at = new Date(unix * 1000);
  if (span > 2 * DAY) return at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

/** uPlot's axes: the time below, `values` (of uPlot's splits) at the left. */
export function axes(values, more = {}) {
  const { text, grid } = ink();
  const common = {
    stroke: text,
    font: "12px system-ui, sans-serif",
    grid: { stroke: grid, width: 1 },
    ticks: { show: false },
  };
  return [
    {
      ...common,
      size: 26,
      space: 64,
      values: (plot, splits) => splits.map((unix) => time(unix, plot.scales.x.max - plot.scales.x.min)),
    },
    { ...common, size: 68, space: 34, values: (_, splits) => values(splits), ...more },
  ];
}

/** Options of uPlot for a picture of that size; the cursor of all pictures moves together. */
export function options(width, height, grid) {
  return {
    width,
    height,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: { sync: { key: "page" }, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { x: { time: true, range: () => [grid.start, grid.end] } },
  };
}
