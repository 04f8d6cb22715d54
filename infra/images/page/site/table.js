// A panel whose series are rows: labels, then the value.

import { element } from "./elements.js";
import { grade, said } from "./number.js";

/** Draws the rows of an instant query. */
export function drawTable(into, panel, rows) {
  const labels = [...new Set(rows.flatMap((row) => Object.keys(row.metric)))]
    .filter((name) => name !== "__name__")
    .sort();
  const head = [...labels, "value"].map((name) => element("th", { scope: "col" }, name));
  const body = rows.map((row) =>
    element(
      "tr",
      { "data-grade": grade(row.value, panel.limits) },
      ...labels.map((name) => element("td", {}, row.metric[name] ?? "")),
      element("td", { class: "number" }, said(row.value, panel)),
    ),
  );
  into.replaceChildren(
    element(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": panel.title },
      element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body)),
    ),
  );
}
