// The list of alerts: what fires, what is about to, and what Alertmanager keeps quiet.

import { element } from "./elements.js";
import { format } from "./units.js";

const MOST = 8; // in sight: the numbers and pictures stay on a wall screen
const ORDER = ["critical", "warning", "info", "none"];

// Prometheus adds its external labels on the way to Alertmanager, which so has more
function same(alert, sent) {
  return Object.entries(alert.labels).every(([name, value]) => sent.labels[name] === value);
}

/** Alerts worth a line, the worst and oldest first; {name, severity, state, since, summary, runbook, quiet}. */
export function merged(alerts, told) {
  return alerts
    .filter((one) => one.labels.severity !== "none")
    .map((one) => {
      const status = told.find((sent) => same(one, sent))?.status;
      return {
        name: one.labels.alertname,
        severity: one.labels.severity ?? "warning",
        state: one.state,
        since: Date.parse(one.activeAt) / 1000,
        summary: one.annotations.summary ?? "",
        runbook: one.annotations.runbook_url ?? "",
        quiet: status?.silencedBy?.length ? "silenced" : status?.inhibitedBy?.length ? "explained by another" : "",
      };
    })
    .sort((a, b) => (a.state === b.state ? 0 : a.state === "firing" ? -1 : 1)
      || ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) || a.since - b.since);
}

/** Whether the rules are evaluated at all: the alert that always fires does. */
export function watched(alerts) {
  return alerts.some((one) => one.labels.alertname === "Watchdog" && one.state === "firing");
}

function runbook(address) {
  if (!address) return "";
  return /^https?:\/\//.test(address)
    ? element("a", { href: address, rel: "noreferrer" }, "runbook")
    : element("code", {}, address);
}

/** Draws the list; `trouble` says why what is silenced isn't known, or "". */
export function drawAlerts(into, list, now, trouble) {
  const row = (one) =>
    element(
      "li",
      { class: "alert", "data-severity": one.state === "firing" && !one.quiet ? one.severity : "quiet" },
      element("strong", {}, one.name),
      element("span", { class: "chip" }, one.state === "firing" ? one.severity : "pending"),
      one.quiet ? element("span", { class: "chip" }, one.quiet) : "",
      element("span", { class: "summary" }, one.summary),
      element("span", { class: "since" }, `for ${format(Math.max(0, now - one.since), "s")}`),
      runbook(one.runbook),
    );
  const firing = list.filter((one) => one.state === "firing");
  const rest = [...firing.splice(MOST), ...list.filter((one) => one.state !== "firing")];
  const counts = ["firing", "pending"].map((state) => [rest.filter((one) => one.state === state).length, state]);
  const more = counts.filter(([count]) => count).map(([count, state]) => `${count} ${state === "firing" ? "more" : state}`);
  const open = into.querySelector("details")?.open ?? false;
  into.replaceChildren(
    firing.length ? element("ul", {}, ...firing.map(row)) : element("p", { class: "calm" }, "No alert fires."),
    rest.length
      ? element(
          "details",
          { open },
          element("summary", {}, `${more.join(", ")}: ${[...new Set(rest.map((one) => one.name))].join(", ")}`),
          element("ul", {}, ...rest.map(row)),
        )
      : "",
    trouble ? element("p", { class: "calm" }, `${trouble}; whether an alert is silenced is not known.`) : "",
  );
}
