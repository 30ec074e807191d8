// The runs side by side: a table that can be sorted, which one is the best, and the images on which two differ.
import { keepList, see } from "../review/address.js";
import { stampNow } from "../review/columns.js";
import { closeButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { counted, t } from "../shell/text.js";
import { choose, store } from "./store.js";
import { between } from "./words.js";

const SOON = 600; // ms that the rest of the page has first

/** What each column shows and is sorted by: name -> (row) => value. */
const COLUMNS = {
  run: (row) => row.run.number,
  accuracy: (row) => (row.n ? row.right / row.n : -1),
  against: (row) => (row.against ? row.against.difference : 1),
  recipe: (row) => row.run.recipe,
  labels: (row) => row.run.labels ?? 0,
  backbone: (row) => row.run.backbone,
  effort: (row) => row.run.preset,
  time: (row) => row.run.seconds ?? 0,
  ended: (row) => row.ended ?? 0,
};

/** The rows in the order of a column.
 *  @param {any[]} rows
 *  @param {string} by
 *  @param {boolean} up */
export function sorted(rows, by, up) {
  const value = COLUMNS[by], sign = up ? 1 : -1;
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
  return rows.slice().sort((a, b) => sign * compare(value(a), value(b)) || b.run.id - a.run.id);
}

const points = (share) => (100 * share).toFixed(1).replace("-", "−");
const signed = (share) => `${share > 0 ? "+" : ""}${points(share)}`;

function cell(name, row, best, differ) {
  const run = row.run;
  const words = {
    run: () => [
      t("results.runs_name", { n: run.number }),
      run.id === best ? el("span", { class: "tag good" }, t("results.runs_best")) : "",
    ],
    recipe: () => run.recipe,
    backbone: () => run.backbone,
    labels: () => (run.labels === null ? "–" : fmt.int(run.labels)),
    effort: () => run.preset,
    accuracy: () => (row.n ? [el("b", {}, fmt.pct(row.right / row.n)), el("small", {}, between(row.interval))] : "–"),
    against: () => (row.against ? [difference(row.against), differ(run)] : "–"),
    time: () => (run.seconds === null ? "–" : fmt.time(run.seconds)),
    ended: () => (row.ended ? fmt.when(row.ended) : "–"),
  };
  return words[name]();
}

function difference({ difference, interval, sure, n }) {
  const [low, high] = interval.map(signed);
  const title = t(sure ? "results.runs_sure" : "results.runs_chance", { n: fmt.int(n) });
  return el(
    "span",
    { title },
    el("b", {}, signed(difference)),
    el("small", {}, t("results.runs_between", { low, high })),
  );
}

/** Which run is the best, and the way to the table. */
export class Runs {
  constructor() {
    this.stamp = "";
    this.found = null;
    this.order = { by: "run", up: false };
    this.node = el("section", { class: "part results-runs", hidden: true });
  }

  update(data) {
    this.data = data;
    const many = data.runs.filter((run) => run.status === "done").length > 1;
    if (!many) this.node.hidden = true;
    if (!many || stampNow() === this.stamp) return this.draw();
    const stamp = this.stamp = stampNow();
    setTimeout(async () => {
      if (this.stamp !== stamp) return; // labels have changed again: a later one asks
      try {
        const found = await api("/compare");
        if (this.stamp !== stamp) return;
        this.found = found;
        this.draw();
      } catch (error) {
        console.warn("no comparison:", error);
      }
    }, SOON);
  }

  draw() {
    if (!this.found || !this.data || this.found.runs.length < 2) return;
    const { best, runs } = this.found, top = runs.find((row) => row.run.id === best);
    const shown = runs.find((row) => row.run.id === this.data.run.id);
    this.node.hidden = false;
    this.node.replaceChildren(...[
      el("h2", {}, t("results.runs_title")),
      el("p", { class: "small" }, this.says(top, shown)),
      el(
        "div",
        { class: "results-runbuttons" },
        top && shown && shown !== top
          ? el(
            "button",
            { class: "btn slim", type: "button", id: "results-best", onclick: () => choose(best) },
            t("results.runs_show", { n: top.run.number }),
          )
          : null,
        el(
          "button",
          { class: "btn slim", type: "button", id: "results-runs", onclick: () => this.open() },
          t("results.runs_open", { n: runs.length }),
        ),
      ),
    ].filter(Boolean));
  }

  says(top, shown) {
    if (!top) return t("results.runs_unknown");
    if (shown === top) return t("results.runs_is_best", { n: top.run.number });
    const by = shown && shown.against;
    if (!by) return t("results.runs_other", { n: top.run.number });
    const words = { n: top.run.number, points: points(Math.abs(by.difference)), images: fmt.int(by.n) };
    return t(by.sure ? "results.runs_better" : "results.runs_perhaps", words);
  }

  open() {
    const table = el("div", {
      class: "results-runtable",
      tabindex: "0",
      role: "region",
      "aria-label": t("results.runs_title"),
    });
    let done = () => {};
    const fill = () =>
      table.replaceChildren(this.table(fill, (work) => {
        done();
        work();
      }));
    fill();
    const note = el("p", { class: "small" }, t("results.runs_help"));
    return showDialog(t("results.runs_title"), [table, note], (close) => {
      done = close;
      return closeButton(close);
    });
  }

  table(again, leave) {
    const { best, runs } = this.found, { by, up } = this.order;
    const head = (name) => {
      const onclick = () => {
        this.order = { by: name, up: name === by ? !up : false };
        again();
      };
      const sort = name === by ? (up ? "ascending" : "descending") : null;
      return el(
        "th",
        { scope: "col", "aria-sort": sort },
        el("button", { type: "button", class: "link", onclick }, t(`results.runs_${name}`)),
      );
    };
    const differ = (run) =>
      el("button", { class: "link", type: "button", onclick: () => this.differ(run, leave) }, t("results.runs_differ"));
    const show = (run) =>
      el(
        "button",
        { class: "btn slim", type: "button", onclick: () => leave(() => choose(run.id)) },
        t("results.runs_choose"),
      );
    const line = (row) =>
      el(
        "tr",
        { class: row.run.id === store.data.run.id ? "shown" : "" },
        Object.keys(COLUMNS).map((name) => el("td", {}, cell(name, row, best, differ))),
        el("td", {}, show(row.run)),
      );
    return el(
      "table",
      {},
      el("thead", {}, el("tr", {}, Object.keys(COLUMNS).map(head), el("td"))),
      el("tbody", {}, sorted(runs, by, up).map(line)),
    );
  }

  /** The images on which a run and the best one differ, as the run answers them. */
  async differ(run, leave) {
    try {
      const { ids } = await api(`/differ?a=${run.id}&b=${this.found.best}`);
      if (!ids.length) return toast(counted("results.runs_same", 0));
      leave(() => see({ run: run.id, list: keepList("differ", ids) }));
    } catch (error) {
      toast(error);
    }
  }
}
