// What each phase reached, as dots on one axis.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { t } from "../shell/text.js";
import { between, verdict } from "./words.js";

export function phases(data) {
  if (!data.phases.length) return null;
  const measured = data.phases.some((row) => row.interval), { verdict: found, decisions } = data;
  const rows = data.phases.map((row, place) => dotRow(row, place === data.phases.length - 1));
  return el(
    "section",
    { class: "part" },
    el("h2", {}, t("results.phases")),
    measured ? el("ul", { class: "dots" }, rows, axis()) : el("p", { class: "small" }, t("results.phases_none")),
    found ? el("p", { class: found.kind === "worse" ? "note warn" : "note" }, verdict(found)) : null,
    ofPool(decisions),
    decisions.length ? decided(decisions) : null,
  );
}

function dotRow(row, last) {
  const track = el("div", { class: "dot-track" });
  if (row.interval) {
    const [low, high] = row.interval;
    const bar = { left: `${100 * low}%`, width: `${100 * (high - low)}%` };
    const dot = { left: `${100 * row.accuracy}%` };
    track.append(el("i", { class: "bar", style: bar }), el("i", { class: "dot", style: dot }));
  }
  const trained = () => t("results.train_accuracy", { accuracy: fmt.pct(row.train_accuracy) });
  return el(
    "li",
    { class: last ? "dot-row last" : "dot-row", title: row.interval ? between(row.interval) : trained() },
    el("span", { class: "clip" }, row.title),
    track,
    el("span", { class: "num" }, row.interval ? fmt.pct(row.accuracy) : "–"),
  );
}

function axis() {
  const label = (value) => el("span", { style: { left: `${value}%` } }, String(value));
  const track = el("div", { class: "dot-track" }, [0, 25, 50, 75, 100].map(label));
  return el("li", { class: "dot-row dot-axis", "aria-hidden": "true" }, el("span"), track, el("span"));
}

function line({ name, value, words, reason }) {
  const look = { class: "small", title: `${name}: ${value}` };
  return el("li", look, el("b", {}, words), reason ? ` (${reason})` : "");
}

// What the images without a label were good for, as it stood in the last round.
function ofPool(decisions) {
  const last = new Map(decisions.filter((each) => each.pool).map((each) => [each.name, each]));
  if (!last.size) return null;
  const lines = el("ul", {}, [...last.values()].map(line));
  return el("div", { class: "results-pool" }, el("h3", {}, t("results.of_pool")), lines);
}

function decided(decisions) {
  const title = el("summary", {}, icon("chevron-right"), t("results.decided"));
  return el(
    "details",
    { class: "results-decisions", id: "results-decisions" },
    title,
    el("ul", {}, decisions.map(line)),
  );
}
