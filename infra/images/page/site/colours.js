// Colours of lines and heat, by the theme that is on. They can be told apart by the colour-blind, and in both themes.

const MEANING = { failure: "--bad", "5xx": "--bad", "4xx": "--warn", success: "--good", "2xx": "--good", up: "--good" };
const LINES = 10;

function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** The colour of a line: by what its name means, else by its turn. */
export function line(name, turn) {
  return variable(MEANING[name] ?? `--line-${turn % LINES}`);
}

/** A colour made translucent. */
export function faint(colour, share) {
  const [r, g, b] = channels(colour);
  return `rgba(${r}, ${g}, ${b}, ${share})`;
}

function channels(hex) {
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}

/** Axes and grid. */
export function ink() {
  return { text: variable("--text-2"), grid: variable("--grid") };
}

/** A function from a share (0 to 1) to the colour of heat. */
export function heat() {
  const stops = [0, 1, 2, 3, 4].map((step) => channels(variable(`--heat-${step}`)));
  return (share) => {
    const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
    const step = Math.min(Math.floor(at), stops.length - 2);
    const mixed = stops[step].map((low, i) => Math.round(low + (stops[step + 1][i] - low) * (at - step)));
    return `rgb(${mixed.join(", ")})`;
  };
}
