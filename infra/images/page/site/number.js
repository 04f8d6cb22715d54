// A panel that is one number: large, with a word for how it is.

import { element } from "./elements.js";
import { stale } from "./freshness.js";
import { format, parts, word } from "./units.js";

const GRADES = { well: "well", warning: "warning", critical: "critical" };

/** How a value is by its panel's limits: well, warning, critical, or "" without limits. */
export function grade(value, limits) {
  if (!limits) return "";
  const lowIsBad = limits.warning > limits.critical;
  const beyond = (limit) => (lowIsBad ? value < limit : value >= limit);
  if (beyond(limits.critical)) return GRADES.critical;
  return beyond(limits.warning) ? GRADES.warning : GRADES.well;
}

/** What a panel says: {text, suffix, grade, note}; text is "–" where no current number is known. */
export function reading(panel, result, known, scrapeSeconds) {
  const nothing = (note) => ({ text: "–", suffix: "", grade: "unknown", note });
  if (result instanceof Error) return nothing(result.message);
  const why = stale(panel.jobs, known, scrapeSeconds);
  if (why) return nothing(`not current: ${why}`);
  if (result.length === 0 && panel.emptyWhen) return { ...nothing(`not known yet: ${panel.emptyWhen}`), grade: "" };
  if (result.length === 0) return nothing("no data");
  const { value } = result[0];
  if (Number.isNaN(value)) return nothing("nothing to measure at the moment");
  const said = word(value, panel.words);
  const [text, suffix] = said === undefined ? parts(value, panel.unit) : [said, ""];
  return { text, suffix, grade: grade(value, panel.limits), note: panel.about };
}

/** A tile that keeps its place; `show` puts a reading into it. */
export function tile(panel) {
  const value = element("span", { class: "value" });
  const note = element("span", { class: "note" });
  const made = element("li", { class: "tile" }, element("span", { class: "label" }, panel.title), value, note);
  const show = (read) => {
    made.dataset.grade = read.grade;
    value.replaceChildren(read.text, element("small", {}, read.suffix));
    note.replaceChildren(read.note);
  };
  const unknown = (why) => show({ text: "–", suffix: "", grade: "unknown", note: why });
  unknown("waiting for data");
  return { made, show, unknown };
}

/** What a table's or legend's cell says of a value. */
export function said(value, panel) {
  if (value === null || Number.isNaN(value)) return "–";
  return word(value, panel.words) ?? format(value, panel.unit);
}
