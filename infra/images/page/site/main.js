// The page: which view over which time is shown, and when it is asked for again.

import { alerts, instant, told, Unreachable } from "./prometheus.js";
import { drawAlerts, merged, watched } from "./alerts.js";
import { element } from "./elements.js";
import { sources, staleAltogether } from "./freshness.js";
import { reading, tile } from "./number.js";
import { filled, Picture } from "./picture.js";
import { clock } from "./units.js";

const REFRESH_SECONDS = 10;
const PICTURES_EVERY = 3; // refreshes
const COLUMNS = 120;
const RANGES = { "15m": ["15 minutes", 900], "1h": ["hour", 3600], "6h": ["6 hours", 21600], "24h": ["24 hours", 86400], "7d": ["7 days", 604800] };
const THEMES = { auto: "as the system has them", dark: "dark", light: "light" };

const place = (id) => document.getElementById(id);
const [{ wall, views }, settings] = await Promise.all(
  ["views.json", "environment.json"].map(async (name) => (await fetch(name, { cache: "no-cache" })).json()),
);
const tiles = wall.map((panel) => ({ panel, ...tile(panel) }));
let shown = { view: null, range: "1h", numbers: [], pictures: [] };
let newest = null; // when Prometheus last answered with current data, by the browser's steady clock
let round = 0;
let running = false;

function chosen() {
  const [id, range] = location.hash.replace("#", "").split("/");
  return { view: views.find((one) => one.id === id) ?? views[0], range: RANGES[range] ? range : "1h" };
}

function show() {
  const { view, range } = chosen();
  for (const picture of shown.pictures) picture.clear();
  const panels = view.panels.filter((panel) => panel.kind !== "stat");
  shown = {
    view,
    range,
    numbers: view.panels.filter((panel) => panel.kind === "stat").map((panel) => ({ panel, ...tile(panel) })),
    pictures: panels.map((panel) => new Picture(panel, settings)),
  };
  place("view-title").textContent = view.title;
  place("view-about").textContent = view.about;
  place("range").value = range;
  place("views").replaceChildren(
    ...views.map((one) =>
      element("a", { href: `#${one.id}/${range}`, "aria-current": one === view ? "page" : null }, one.title),
    ),
  );
  place("numbers").replaceChildren(...shown.numbers.map((one) => one.made));
  place("pictures").replaceChildren(...shown.pictures.map((one) => one.card));
  document.title = `${settings.environment}: ${view.title}`;
  refresh(true);
}

// On whole steps, so that a picture moves by columns and not by pixels
function grid(now) {
  const seconds = RANGES[shown.range][1];
  const step = Math.max(settings.scrapeSeconds, Math.ceil(seconds / COLUMNS / 15) * 15);
  const end = Math.floor(now / step) * step;
  return { start: end - Math.floor(seconds / step) * step, end, step, window: Math.max(4 * settings.scrapeSeconds, step) };
}

function asked({ panel }) {
  return instant(filled(panel.queries[0].promql, settings.calling, 0)).catch((error) => error);
}

async function showNumbers(all, known) {
  const results = await Promise.all(all.map(asked));
  const lost = results.find((result) => result instanceof Unreachable);
  if (lost) throw lost;
  return all.map((one, i) => {
    const read = reading(one.panel, results[i], known, settings.scrapeSeconds);
    one.show(read);
    return { title: one.panel.title, ...read };
  });
}

async function showAlerts(now) {
  const [own, sent] = await Promise.all([alerts(), told().catch((error) => error)]);
  const blind = sent instanceof Error;
  const list = merged(own, blind ? [] : sent);
  drawAlerts(place("alerts"), list, now, blind ? sent.message : "");
  const loud = list.filter((one) => one.state === "firing" && !one.quiet && one.severity !== "info");
  return { loud, watched: watched(own) };
}

// In one line: the alerts, else what the numbers at the top say before an alert's time is over
function judge({ loud, watched }, readings) {
  const worst = ["critical", "warning", "unknown"].flatMap((grade) => readings.filter((one) => one.grade === grade))[0];
  if (!watched) verdict("critical", "Nobody watches: no rule is evaluated");
  else if (loud.length) {
    const critical = loud.some((one) => one.severity === "critical");
    verdict(critical ? "critical" : "warning", loud.length === 1 ? loud[0].summary : `${loud.length} alerts fire`);
  } else if (worst?.grade === "unknown") verdict("unknown", `${worst.title} is not known; no alert fires`);
  else if (worst) verdict(worst.grade, `${worst.title}: ${worst.text} ${worst.suffix}`);
  else verdict("well", "All is well");
}

function verdict(grade, words) {
  const said = place("verdict");
  said.dataset.grade = grade;
  // a screen reader says what changes: leave what doesn't
  if (said.textContent !== words) said.textContent = words;
}

function trouble(words) {
  const said = place("trouble");
  if (said.textContent !== words) said.textContent = words;
  said.hidden = !words;
  document.body.classList.toggle("blind", Boolean(words));
  if (!words) return;
  const asOf = place("as-of");
  asOf.textContent = asOf.textContent.replace("as of", "last current at");
  verdict("unknown", "How things are is not known");
  for (const one of [...tiles, ...shown.numbers]) one.unknown("not known");
  place("alerts").replaceChildren(element("p", { class: "calm" }, "Alerts are not known."));
  for (const picture of shown.pictures) picture.blind();
}

async function refresh(pictures) {
  if (running) return;
  running = true;
  try {
    const known = await sources();
    const why = staleAltogether(known, settings.scrapeSeconds);
    if (why) return trouble(why);
    const view = shown;
    const [readings, list] = await Promise.all([
      showNumbers(tiles, known),
      showAlerts(known.now),
      showNumbers(view.numbers, known),
    ]);
    pictures ||= !place("trouble").hidden;
    trouble("");
    judge(list, readings);
    newest = performance.now();
    place("as-of").textContent = `as of ${clock(known.now, known.now)}`;
    if (pictures || round % PICTURES_EVERY === 0) await showPictures(view, known);
    round += 1;
  } catch (error) {
    trouble(error instanceof Unreachable ? error.message : `Prometheus can't answer: ${error.message}`);
  } finally {
    running = false;
    if (shown.pictures.some((one) => !one.asked) && place("trouble").hidden) refresh(true);
  }
}

// one after another: a page must not be a load
async function showPictures(view, known) {
  const over = grid(known.now);
  for (const picture of view.pictures) {
    if (view !== shown) return;
    picture.asked = true;
    try {
      await picture.refresh(over, known);
    } catch (error) {
      if (error instanceof Unreachable) throw error;
      picture.say(error.message);
    }
  }
}

// A screen that slept, or answers that stay away without an error: what is shown is old then
function watch() {
  if (newest !== null && place("trouble").hidden && performance.now() - newest > 4000 * REFRESH_SECONDS) {
    trouble("Nothing new has come from Prometheus for a while");
  }
}

function theme(wanted) {
  document.documentElement.dataset.theme = wanted;
  place("theme").setAttribute("aria-label", `Colours: ${THEMES[wanted]}`);
  place("theme").title = `Colours: ${THEMES[wanted]}`;
}

function repaint() {
  for (const picture of shown.pictures) {
    picture.clear();
    picture.asked = false;
  }
  refresh(true);
}

place("environment").textContent = settings.environment;
place("wall").replaceChildren(...tiles.map((one) => one.made));
place("range").replaceChildren(
  ...Object.entries(RANGES).map(([value, [text]]) => element("option", { value }, `the last ${text}`)),
);
place("range").addEventListener("change", (event) => (location.hash = `${shown.view.id}/${event.target.value}`));
place("theme").addEventListener("click", () => {
  const names = Object.keys(THEMES);
  const next = names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length];
  localStorage.setItem("theme", next);
  theme(next);
  repaint();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
addEventListener("hashchange", (event) => (new URL(event.newURL).hash === "#pictures" ? null : show()));
addEventListener("visibilitychange", () => (document.hidden ? null : refresh(false)));
theme(THEMES[localStorage.getItem("theme")] ? localStorage.getItem("theme") : "auto");
show();
setInterval(() => (document.hidden ? null : refresh(false)), 1000 * REFRESH_SECONDS);
setInterval(watch, 1000);
