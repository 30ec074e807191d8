// The runs side by side: which one is the best, which one is proposed for the export, and the way to their table.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { api } from "../shell/server.js";
import { stampNow } from "../shell/state.js";
import { t } from "../shell/text.js";
import { points, RunTable } from "./run_table.js";
import { choose, store, tell } from "./store.js";

const SOON = 600; // ms that the rest of the page has first

export class Runs {
  constructor() {
    this.stamp = "";
    this.node = el("section", { class: "part results-runs", hidden: true });
    this.table = new RunTable(() => store.compared, () => this.ask());
  }

  update(data) {
    this.data = data;
    if (!data.runs.some((run) => run.status === "done")) this.node.hidden = true;
    if (stampNow() === this.stamp) return this.draw();
    const stamp = this.stamp = stampNow();
    setTimeout(() => this.stamp === stamp && this.ask(), SOON); // labels may change again: a later one asks
  }

  async ask() {
    const stamp = this.stamp = stampNow();
    try {
      const found = await api("/compare");
      if (this.stamp !== stamp) return;
      store.compared = found;
      this.draw();
      tell();
    } catch (error) {
      console.warn("no comparison:", error);
    }
  }

  draw() {
    const found = store.compared;
    if (!found || !this.data || !found.runs.some((row) => row.run.status === "done")) return;
    const { best, runs } = found, top = runs.find((row) => row.run.id === best), many = runs.length > 1;
    const shown = runs.find((row) => row.run.id === this.data.run.id), other = top && shown && shown !== top;
    const button = (id, words, onclick) => el("button", { class: "btn slim", type: "button", id, onclick }, words);
    const open = t(many ? "results.runs_open" : "results.runs_single_open", { n: runs.length });
    this.node.hidden = false;
    this.node.replaceChildren(
      el("h2", {}, t(many ? "results.runs_title" : "results.runs_single")),
      many ? el("p", { class: "small" }, says(top, shown, runs)) : "",
      el(
        "div",
        { class: "results-runbuttons" },
        other ? button("results-best", t("results.runs_show", { n: top.run.number }), () => choose(best)) : "",
        button("results-runs", open, () => this.table.open()),
      ),
    );
  }
}

/** Which run is the best, in words. A run that is right as often is named, too: the newer of the two is put first. */
export function says(top, shown, runs) {
  if (!top) return t("results.runs_unknown");
  const even = runs.filter((row) => row.against && row.against.difference === 0).map((row) => row.run.number);
  if (shown === top && even.length) {
    return t("results.runs_even", { n: top.run.number, others: even.join(", ") });
  }
  if (shown === top) return [t("results.runs_is_best", { n: top.run.number }), nearest(runs)].filter(Boolean).join(" ");
  if (shown && shown.waits) return t("results.runs_waits", { n: top.run.number, shown: shown.run.number });
  const by = shown && shown.against;
  if (!by) return t("results.runs_other", { n: top.run.number });
  const words = { n: top.run.number, points: points(Math.abs(by.difference)), images: fmt.int(by.n) };
  return t(by.sure ? "results.runs_better" : "results.runs_perhaps", words);
}

// The run that comes nearest to the best, where its distance may be chance.
function nearest(runs) {
  const measured = runs.filter((row) => row.against).sort((a, b) => b.against.difference - a.against.difference);
  const { run, against } = measured[0] || {};
  if (!run || against.sure) return "";
  const words = { other: run.number, points: points(Math.abs(against.difference)), images: fmt.int(against.n) };
  return t("results.runs_best_chance", words);
}
