// Numbers as people read them. Units have Grafana's names (infra/dashboards/panel.py).

const BINARY = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
const SHORT = ["", " k", " M", " G", " T"];

// three significant digits, two below one, without an exponent
function digits(value) {
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size < 0.001) return "<0.001";
  const places = Math.max(0, (size < 1 ? 1 : 2) - Math.floor(Math.log10(size)));
  return String(Number(value.toFixed(places)));
}

function scaled(value, base, names) {
  let step = 0;
  while (Math.abs(value) >= base && step < names.length - 1) {
    value /= base;
    step += 1;
  }
  return [digits(value), names[step]];
}

function seconds(value) {
  const size = Math.abs(value);
  if (size === 0) return ["0", "s"];
  if (size < 0.001) return [digits(value * 1e6), "µs"];
  if (size < 1) return [digits(value * 1000), "ms"];
  if (size < 120) return [digits(value), "s"];
  if (size < 7200) return [digits(value / 60), "min"];
  if (size < 172800) return [digits(value / 3600), "h"];
  return days(value / 86400);
}

function days(value) {
  if (value > 3650) return [">10", "years"];
  return Math.abs(value) < 10 ? [digits(value), "days"] : [String(Math.floor(value)), "days"];
}

function counted(value) {
  if (Number.isInteger(value) && Math.abs(value) < 100000) return [value.toLocaleString("en"), ""];
  return scaled(value, 1000, SHORT);
}

function ratio(value) {
  const percent = value * 100;
  // 99.96 % must not read as 100 %
  const text = percent > 99 && percent < 100 ? String(Math.floor(percent * 100) / 100) : digits(percent);
  return [text, "%"];
}

const UNITS = {
  short: counted,
  s: seconds,
  d: days,
  bytes: (value) => scaled(value, 1024, BINARY),
  binBps: (value) => scaled(value, 1024, BINARY.map((name) => `${name}/s`)),
  "suffix:/s": (value) => {
    const [text, suffix] = scaled(value, 1000, SHORT);
    return [text, `${suffix}/s`];
  },
  percentunit: ratio,
};

/** A number and its unit, apart: ["1.5", "ms"]. */
export function parts(value, unit) {
  return UNITS[unit](value);
}

/** A number with its unit: "1.5 ms". */
export function format(value, unit) {
  const [text, suffix] = parts(value, unit);
  return suffix ? `${text} ${suffix.trimStart()}` : text;
}

/** The panel's word for a value, if it has one. */
export function word(value, words) {
  return words[String(value)];
}

/** The time of day of a Unix time, with the date where it isn't today's. */
export function clock(unix, now) {
  const at = new Date(unix * 1000);
  const time = at.toLocaleTimeString("en-GB");
  const today = at.toDateString() === new Date(now * 1000).toDateString();
  return today ? time : `${at.toLocaleDateString("en-GB", { day: "numeric", month: "short" })} ${time}`;
}
