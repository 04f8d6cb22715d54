// Whether what Prometheus says is what is: a number whose source is silent is not shown as current.

import { instant } from "./prometheus.js";
import { format } from "./units.js";

/** What Prometheus knows of its own sources: its clock, and per job whether any target answers and since when. */
export async function sources() {
  const [up, age] = await Promise.all([
    instant("max by (job) (up)"),
    instant("time() - max by (job) (timestamp(up))"),
  ]);
  const ages = new Map(age.map((one) => [one.metric.job, one.value]));
  const jobs = new Map(up.map((one) => [one.metric.job, { up: one.value === 1, age: ages.get(one.metric.job) ?? 0 }]));
  return { now: up[0]?.time ?? null, jobs };
}

/** Why nothing at all is current, or "". A scrape may be late by two more before it counts as missing. */
export function staleAltogether(known, scrapeSeconds) {
  if (known.jobs.size === 0) return "Prometheus has no data: it watches nothing";
  const youngest = Math.min(...[...known.jobs.values()].map((job) => job.age));
  if (youngest > 3 * scrapeSeconds) return `Prometheus has stopped watching: its newest data is ${format(youngest, "s")} old`;
  return "";
}

/** Why a panel isn't current, or "". */
export function stale(jobs, known, scrapeSeconds) {
  for (const name of jobs) {
    const job = known.jobs.get(name);
    if (job === undefined) return `${name} is not watched here`;
    if (!job.up) return `${name} does not answer`;
    if (job.age > 3 * scrapeSeconds) return `${name}: newest data is ${format(job.age, "s")} old`;
  }
  return "";
}
