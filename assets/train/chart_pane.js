// The middle pane of the Train page: what stands in the way, the rail of phases, the charts.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { errorBox } from "../shell/notices.js";
import { t } from "../shell/text.js";
import { Charts } from "./charts.js";
import { allSolvers } from "./figure.js";
import { dataOf, follow, shared, shownRun } from "./follow.js";
import { railCells } from "./rail.js";
import { isActive, prerequisite } from "./runs.js";
import { number, share } from "./words.js";

const LEFT = 62; // px of the charts' axis, which stays beside the phase that is scrolled to

/** The piece "train-charts". */
export function trainCharts(root) {
  const pane = new ChartPane(root);
  return () => pane.destroy();
}

class ChartPane {
  constructor(root) {
    this.seen = null; // the data whose figure is shown
    this.run = 0;
    this.learns = ""; // the states of the phases, as they were when one was scrolled to
    this.notes = el("div", { class: "train-notes" });
    this.line = el("ol", { class: "rail" });
    this.heads = el("div", { class: "chart-heads" });
    this.host = el("div", { class: "chart", id: "train-chart", role: "img" });
    this.empty = el("p", { class: "empty" }, t("train.empty"));
    const zoom = { class: "btn slim chart-reset", type: "button", hidden: true, onclick: () => this.charts.reset() };
    this.zoom = el("button", zoom, t("train.reset_zoom"));
    const stage = this.stage = el("div", { class: "chart-stage" }, this.host, this.heads, this.zoom);
    // On a phone the phases keep their width and lie side by side; the words over them stay where they are.
    const scroll = { class: "chart-scroll", tabindex: "0", role: "region", "aria-label": t("train.charts") };
    this.scroll = el("div", scroll, this.line, stage);
    this.details = el("details", { class: "small chart-light", hidden: true, ontoggle: () => this.unfold() });
    this.details.append(el("summary", {}, icon("chevron-right"), t("train.details")), el("p", {}, t("train.light")));
    root.replaceChildren(el("div", { class: "train-charts" }, this.notes, this.scroll, this.details, this.empty));
    this.charts = new Charts(this.host, {
      words: todoWords,
      folded: t("train.light_folded"),
      named: (panel, short) => t(`train.panel.${panel}${short ? ".short" : ""}`),
      onZoom: (yes) => {
        this.zoom.hidden = !yes;
      },
    });
    this.off = follow(() => this.draw());
  }

  destroy() {
    this.off();
    this.charts.destroy();
  }

  draw() {
    const state = app.state, run = state && shownRun(state), data = dataOf(run);
    const notes = [shared.error && errorBox(shared.error), failure(run), state && before(state, run)];
    this.notes.replaceChildren(...notes.filter(Boolean));
    this.empty.hidden = Boolean(run);
    this.scroll.hidden = !run;
    this.details.hidden = !data || !data.figure.layout.meta.panels.some((each) => each.panel);
    if (!data) return;
    if (data !== this.seen) this.show(run, data);
    const { phases } = data.figure.layout.meta;
    this.line.replaceChildren(...railCells(phases));
    this.line.classList.toggle("one", phases.length < 2);
    this.line.classList.toggle("four", phases.length > 3);
    const learns = `${run.id} ${phases.map((phase) => phase.state)}`;
    if (learns !== this.learns) this.toPhase();
    this.learns = learns;
    this.host.setAttribute("aria-label", summary(data.figure));
  }

  show(run, data) { // a new figure: another run, or later points
    if (this.run && this.run !== run.id) this.charts.reset();
    this.seen = data;
    this.run = run.id;
    const missing = () => this.notes.append(el("p", { class: "note bad" }, t("train.plotly_missing")));
    this.charts.show(data.figure, data.plotly).catch(missing);
    this.drawHeads(data);
  }

  drawHeads(data) {
    const alone = !this.details.open && allSolvers(data.figure.layout.meta); // as figure.js draws it
    this.stage.classList.toggle("alone", alone);
    this.heads.replaceChildren(...headings(data, alone));
  }

  unfold() { // or fold: the losses of the light model's solvers
    this.charts.options.folded = this.details.open ? "" : t("train.light_folded");
    if (this.seen) this.drawHeads(this.seen);
    this.charts.redraw();
  }

  toPhase() { // the one that learns, where the phases are wider than the window
    const { line, scroll } = this, most = scroll.scrollWidth - scroll.clientWidth;
    const cell = line.querySelector("li.running") || line.querySelector("li.done:last-child");
    if (cell instanceof HTMLElement && most > 0) {
      scroll.scrollLeft = Math.min(most, Math.max(0, cell.offsetLeft - LEFT));
    }
  }
}

function todoWords(first) {
  const run = app.state && shownRun(app.state);
  return t(!isActive(run) ? "train.skipped" : first ? "train.next" : "train.later");
}

function before(state, run) { // what the run waits for, with its progress
  const first = run && run.status === "queued" ? prerequisite(state, run) : null;
  if (!first || !first.progress || !first.progress.total) return null;
  const { done, total, seconds_left: left, unit } = first.progress;
  const words = [
    t(`run.${first.kind}`),
    t("run.progress", { done: fmt.int(done), total: fmt.int(total), unit: unit || "" }),
    ...(left ? [t("run.left", { time: fmt.time(left) })] : []),
  ];
  const bar = el("i", { style: { width: `${(100 * done) / total}%` } });
  const told = el("p", { class: "small" }, words.join(", "));
  return el("div", { class: "train-before" }, told, el("div", { class: "meter" }, bar));
}

function failure(run) {
  if (!run || run.status !== "failed") return null;
  const kept = shared.data && shared.data.saved ? t("train.nothing_lost") : "";
  const look = { class: "note bad train-note", role: "alert" };
  return el("div", look, el("b", {}, t("train.failed")), ` ${run.reason || ""} `, kept);
}

/** Over each row its name and what its lines are; alone: there is only the row of the accuracies. */
function headings(data, alone) {
  const swatch = (kind, text) => el("span", { class: "legend" }, el("i", { class: kind }), text);
  const labels = data.labels ? t("train.legend_train", { n: data.labels }) : t("train.legend_train_plain");
  const kept = data.figure.data.some((trace) => trace.meta === "kept" && trace.x.length);
  const diamond = () => el("span", { class: "mark diamond", "aria-hidden": "true" });
  const n = data.checks, check = n ? swatch("check", t("train.legend_check", { n })) : "";
  if (check) check.title = t("train.legend_check_help");
  const lines = [
    swatch("train", labels),
    check,
    kept ? el("span", { class: "legend", title: t("train.kept_help") }, diamond(), t("train.kept")) : "",
  ];
  const bar = n ? el("span", { class: "legend" }, t("train.bar", { n })) : "";
  const head = (row, name, ...words) => el("div", { class: `chart-head ${row}` }, el("h2", {}, t(name)), words);
  if (alone) return [head("accuracy", "train.accuracy_row", lines, bar)];
  return [head("loss", "train.loss", lines), head("accuracy", "train.accuracy_row", bar)];
}

function summary(figure) { // for those who do not see the charts
  const { phases, traces } = figure.layout.meta;
  const last = (name, series) => figure.data[traces[name][series] + 1].y.slice(-1)[0]; // its end, as the phase tells it
  const accuracy = (name) => share(last(name, "check_accuracy") ?? last(name, "accuracy"));
  const said = phases.filter((phase) => phase.state !== "todo").map(({ title, name }) =>
    t("train.chart_phase", { phase: title, loss: number(last(name, "loss")), accuracy: accuracy(name) })
  );
  return t("train.chart_label", { summary: said.join(" ") });
}
