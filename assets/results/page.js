// The Results page: which run, how good it is and what that rests on, the export.
import { Review } from "../review/review.js";
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { errorBox } from "../shell/notices.js";
import { goTo } from "../shell/pages.js";
import { keepFolds, redraw } from "../shell/redraw.js";
import { onState } from "../shell/state.js";
import { t } from "../shell/text.js";
import { figure, perClass } from "./accuracy.js";
import { Finish } from "./finish.js";
import { exportPart } from "./export.js";
import { head } from "./head.js";
import { matrix } from "./matrix.js";
import { mistakes } from "./mistakes.js";
import { leftOfRound, unlabeled } from "./next.js";
import { OddPart } from "./odd.js";
import { phases } from "./phases.js";
import { Pool } from "./pool.js";
import { Runs } from "./runs.js";
import { SortPart } from "./sort.js";
import { answered, choose, read, store, toExport } from "./store.js";
import { Suspects } from "./suspects.js";
import { trouble } from "./trouble.js";
import { leak, trust } from "./trust.js";
import { TryIt } from "./try.js";
import { busyWith } from "./words.js";

const WIDE = 692; // px that the matrix has, until it is laid out

/** The piece "results". */
export function resultsPage(root) {
  const page = new ResultsPage(root), draw = () => page.draw();
  const update = () => {
    read();
    draw();
  };
  const shown = (event) => {
    if (event.detail !== "results") return;
    if (app.wish.run) choose(app.wish.run);
    app.wish.run = 0;
    update();
  };
  const off = onState(update);
  store.listeners.add(draw);
  document.addEventListener("fs:page", shown);
  update();
  return () => {
    off();
    store.listeners.delete(draw);
    document.removeEventListener("fs:page", shown);
    page.pool.destroy();
    page.review.destroy();
    page.tryIt.destroy();
  };
}

class ResultsPage {
  constructor(root) {
    const pane = () => el("div", { class: "pane", tabindex: "0" });
    this.top = el("div", { class: "results-top" });
    this.left = pane();
    this.middle = pane();
    this.right = pane();
    this.form = el("div");
    this.sort = new SortPart();
    this.pool = new Pool();
    this.suspects = new Suspects();
    this.odd = new OddPart();
    this.runs = new Runs();
    this.finish = new Finish(() => this.drawTop());
    this.panes = el("div", { class: "panes results-panes" }, this.left, this.middle, this.right);
    this.empty = el("div", { class: "empty results-empty", hidden: true });
    this.drawn = "";
    this.seen = 0; // the run whose figures are drawn
    this.right.append(this.form, this.sort.node, this.pool.node);
    root.classList.add("fill", "results");
    this.tryIt = new TryIt(
      () => (store.data && store.data.run.status === "done" ? store.data.run : null),
      () => app.page === "results" && !this.review.isShown,
    );
    this.review = new Review(root, answered, () => this.draw());
    root.replaceChildren(this.top, this.empty, this.panes, this.review.node);
  }

  draw() {
    const { state } = app, { data } = store;
    if (!state || !state.project) return;
    this.review.sync();
    this.empty.hidden = Boolean(data);
    this.panes.hidden = !data;
    // Under the images nobody sees the panes: they are drawn when these are left.
    if (data && this.review.isShown) return;
    if (data) this.finish.update(data);
    const key = this.key(state, data);
    if (key === this.drawn) return;
    this.drawn = key;
    this.drawTop();
    if (data) this.drawPanes(data);
    else this.drawEmpty();
  }

  drawTop() {
    const { state } = app, { data } = store;
    if (!state || !state.project) return;
    // A click or an open list is not disturbed by news.
    const { met, seconds } = this.finish.stand(), busy = ["export", "select"].map((kind) => Boolean(busyWith(kind)));
    const asked = [
      data && [data.runs, data.run, data.since],
      busy,
      store.wanted.size,
      met,
      leftOfRound(state),
      unlabeled(state) > 0,
      toExport(),
    ];
    redraw(this.top, asked, () => head(met, seconds, this.tryIt.button));
  }

  /** What has to change before anything is drawn. */
  key(state, data) {
    const progress = state.run && ["predict", "sort"].includes(state.run.kind) ? state.run.progress : null;
    const sorts = state.runs.filter((run) => run.kind === "sort").map((run) => [run.id, run.status, run.stopping]);
    const selects = Boolean(busyWith("select"));
    const error = store.error && store.error.what;
    return JSON.stringify([
      store.key,
      data && data.run.id,
      progress,
      [...store.wanted],
      error,
      store.busy,
      sorts,
      selects,
      leftOfRound(state),
      unlabeled(state) > 0,
      store.compared,
      store.exported,
    ]);
  }

  drawPanes(data) {
    const same = this.seen === data.run.id, { left, middle } = this; // another run is seen from its figure on
    const scroll = same ? [left.scrollTop, middle.scrollTop] : [0, 0];
    this.seen = data.run.id;
    const parts = [
      trouble(data),
      figure(data),
      leak(data),
      this.finish.node,
      phases(data),
      this.runs.node,
      perClass(data),
      trust(data),
      this.suspects.node,
      this.odd.node,
    ];
    keepFolds(left, () => left.replaceChildren(...parts.filter(Boolean)));
    this.suspects.update(data);
    this.odd.update(data);
    this.runs.update(data);
    middle.replaceChildren(...[matrix(data, middle.clientWidth || WIDE), mistakes(data)].filter(Boolean));
    [left.scrollTop, middle.scrollTop] = scroll;
    // Typing is not disturbed by news.
    redraw(
      this.form,
      [data.run, data.exports, data.export_into, store.compared, store.exported],
      () => exportPart(data),
    );
    this.sort.update(data);
    this.pool.update(data);
  }

  drawEmpty() {
    const loading = store.busy || (!store.key && app.page === "results");
    const train = { class: "btn primary", type: "button", onclick: () => goTo("train") };
    const none = () => [el("p", {}, t("results.empty")), el("button", train, t("results.to_train"))];
    this.empty.replaceChildren(...(store.error ? [errorBox(store.error)] : loading ? [] : none()));
  }
}
