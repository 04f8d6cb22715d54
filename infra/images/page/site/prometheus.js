// Prometheus' HTTP API and Alertmanager's, as far as the server of this page lets them through.

const PATIENCE_MS = 10000;

/** What could not be asked, in words. */
export class Unreachable extends Error {}

async function ask(path, parameters, who) {
  const query = new URLSearchParams(parameters);
  let answer;
  try {
    answer = await fetch(`${path}?${query}`, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch (error) {
    const why = error.name === "TimeoutError" ? `no answer within ${PATIENCE_MS / 1000} s` : "no connection";
    throw new Unreachable(`${who} can't be reached: ${why}`);
  }
  if ([502, 503, 504].includes(answer.status)) {
    throw new Unreachable(`${who} can't be reached: it does not answer this page's server`);
  }
  let body;
  try {
    body = await answer.json();
  } catch {
    throw new Unreachable(`${who} can't be reached: what answers (${answer.status}) is not ${who}`);
  }
  if (!answer.ok) throw new Error(body.error ?? `${who} answered ${answer.status}`);
  return body;
}

/** The series of an instant query: [{metric, time, value}], times in Unix seconds by Prometheus' clock. */
export async function instant(promql) {
  const { data } = await ask("api/v1/query", { query: promql }, "Prometheus");
  if (data.resultType === "scalar") return [{ metric: {}, time: data.result[0], value: number(data.result[1]) }];
  return data.result.map((one) => ({ metric: one.metric, time: one.value[0], value: number(one.value[1]) }));
}

/** The series of a query over time: [{metric, values}], values on the grid start, start + step, … (null: none). */
export async function range(promql, start, end, step) {
  const { data } = await ask("api/v1/query_range", { query: promql, start, end, step }, "Prometheus");
  const length = Math.floor((end - start) / step) + 1;
  return data.result.map((one) => {
    const values = new Array(length).fill(null);
    for (const [time, text] of one.values) {
      const value = number(text);
      if (Number.isFinite(value)) values[Math.round((time - start) / step)] = value;
    }
    return { metric: one.metric, values };
  });
}

/** Alerts that are pending or firing, as Prometheus has them. */
export async function alerts() {
  return (await ask("api/v1/alerts", {}, "Prometheus")).data.alerts;
}

/** Alerts as Alertmanager has them: it knows which are silenced or inhibited. */
export async function told() {
  return ask("api/v2/alerts", {}, "Alertmanager");
}

function number(text) {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  return Number(text);
}
