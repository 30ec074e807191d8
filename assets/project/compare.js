// Which backbone suits these images: all that are here, judged by the person's own labels.
import { app } from "../shell/app.js";
import { backbones } from "../shell/backbones.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { errorBox, toast } from "../shell/notices.js";
import { chooseBackbone } from "../shell/person.js";
import { startRun, stopRun } from "../shell/state.js";
import { t } from "../shell/text.js";

const FEWEST = 10; // labels, below which the program says nothing (fact_core/lightweight/held_out.py)

// Heading of a column -> its class.
const COLUMNS = { b_name: "", c_right: "num", c_interval: "num minor", c_behind: "num p-behind", c_cost: "num" };

/** What it depends on, for redraw(). */
export const comparedNow = () => [newest(), enough(), app.state.labels && app.state.labels.picks_done];

const newest = (status = "") =>
  app.state.runs.find((run) => run.kind === "backbones" && (!status || run.status === status));
const enough = () => (app.state.labels ? app.state.labels.picks_done : 0) >= FEWEST;

/** The button, how far it is, and the table of the newest comparison. changed() once another one is chosen. */
export function comparison(changed) {
  if (!app.state.project) return "";
  const run = newest(), done = newest("done");
  const failed = run && run.status === "failed" ? run.reason.split("\n")[0] : "";
  return el(
    "section",
    { class: "p-other", id: "p-compare" },
    el("h3", {}, t("project.c_title")),
    el("p", { class: "small" }, t("project.c_help")),
    run && ["queued", "running"].includes(run.status) ? working(run) : button(),
    failed ? errorBox({ what: t("project.c_failed"), found: failed }) : "",
    done && done.result ? table(done, changed) : "",
  );
}

function button() {
  const ready = backbones().backbones.filter((net) => net.ready).length;
  const lack = enough() ? ready < 2 ? t("project.c_one") : "" : t("project.c_few");
  const look = { class: "btn", type: "button", id: "p-compare-go", disabled: Boolean(lack) };
  const start = () => startRun("backbones").catch(toast);
  return el(
    "div",
    { class: "line" },
    el("button", { ...look, onclick: start }, t("project.c_go")),
    el("span", { class: "small" }, lack),
  );
}

function working(run) {
  const stop = () => stopRun(run.id).catch(toast);
  return el(
    "div",
    { class: "line" },
    el("span", { class: "tag", role: "status" }, t("project.c_working")),
    el("button", { class: "btn slim", type: "button", disabled: run.stopping, onclick: stop }, t("project.stop")),
  );
}

function table(run, changed) {
  const { rows, labels, classes, proposed } = run.result;
  const heads = Object.entries(COLUMNS).map(([key, look]) =>
    el("th", { scope: "col", class: look }, t(`project.${key}`))
  );
  const best = rows.find((row) => row.name === proposed);
  const of = { labels: fmt.int(labels), classes: fmt.int(classes), when: fmt.when(run.ended) };
  return el(
    "div",
    {},
    el("p", { class: "small" }, t("project.c_of", of)),
    el(
      "table",
      { class: "p-backbones p-compared" },
      el("thead", {}, el("tr", {}, heads, el("th", { class: "end" }))),
      el("tbody", {}, rows.map((row) => line(row, row.name === proposed, changed))),
    ),
    el("p", { class: "small" }, t("project.c_why", { name: best.title })),
  );
}

function line(row, proposed, changed) {
  const [low, high] = row.interval, points = (100 * row.behind).toFixed(1);
  const behind = row.behind > 0 ? t(row.worse ? "project.c_sure" : "project.c_chance", { points }) : "–";
  const use = () => {
    chooseBackbone(row.name);
    changed();
  };
  const look = { class: "btn slim", type: "button", "aria-label": `${t("project.c_use")}: ${row.title}` };
  return el(
    "tr",
    { class: proposed ? "chosen" : "" },
    el("td", {}, row.title, proposed ? el("span", { class: "tag" }, t("project.c_proposed")) : ""),
    el("td", { class: "num" }, fmt.pct(row.accuracy)),
    el("td", { class: "num minor" }, `${fmt.pct(low, 0)} – ${fmt.pct(high, 0)}`),
    el("td", { class: "num p-behind" }, behind),
    el("td", { class: "num" }, t("project.c_ms", { n: Math.round(1000 * row.seconds) })),
    el("td", { class: "end" }, el("button", { ...look, onclick: use }, t("project.c_use"))),
  );
}
