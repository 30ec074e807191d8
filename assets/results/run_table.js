// The table of all runs: sorted by any column; each can be shown, named, deleted, and held against the best one.
import { keepList, see } from "../review/address.js";
import { askFirst, cancelButton, closeButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { refreshState } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { curve } from "./curve.js";
import { choose, store } from "./store.js";
import { between } from "./words.js";

/** What each column shows and is sorted by: name -> (row) => value. */
const COLUMNS = {
  run: (row) => row.run.number,
  accuracy: (row) => (row.n ? row.right / row.n : -1),
  against: (row) => (row.against ? row.against.difference : 1),
  recipe: (row) => row.run.recipe,
  labels: (row) => row.run.labels ?? 0,
  backbone: (row) => row.run.net,
  effort: (row) => row.run.preset,
  time: (row) => row.run.seconds ?? 0,
  ended: (row) => row.ended ?? 0,
};

const MAIN = ["run", "accuracy", "against"]; // what a narrow window shows
const columnOf = (name) => (MAIN.includes(name) ? "" : "minor");

/** The rows in the order of a column.
 *  @param {any[]} rows
 *  @param {string} by
 *  @param {boolean} up */
export function sorted(rows, by, up) {
  const value = COLUMNS[by], sign = up ? 1 : -1;
  const compare = (a, b) => (typeof a === "string" ? a.localeCompare(b) : a - b);
  return rows.slice().sort((a, b) => sign * compare(value(a), value(b)) || b.run.id - a.run.id);
}

export const points = (share) => (100 * share).toFixed(1).replace("-", "−");
const signed = (share) => `${share > 0 ? "+" : ""}${points(share)}`;

/** A run by its number and, where it has one, its name. */
export const nameOf = (run) =>
  t(run.name ? "results.runs_named" : "results.runs_name", { n: run.number, name: run.name });

function cell(name, row, best, differ) {
  const run = row.run;
  const words = {
    run: () => [
      el("span", { dir: "auto" }, nameOf(run)),
      run.id === best ? el("span", { class: "tag good" }, t("results.runs_best")) : "",
      run.note ? el("small", { class: "results-runnote", dir: "auto" }, run.note) : "",
    ],
    recipe: () => run.recipe,
    backbone: () => run.net,
    labels: () => (run.labels === null ? "–" : fmt.int(run.labels)),
    effort: () => run.preset,
    accuracy: () =>
      row.n
        ? [el("b", {}, fmt.pct(row.right / row.n)), el("small", {}, between(row.interval))]
        : run.status === "done"
        ? "–"
        : t(`run.${run.status}`),
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

export class RunTable {
  /** found() -> what /compare told; again() asks anew, and resolves when it is there. */
  constructor(found, again) {
    this.found = found;
    this.again = again;
    this.order = { by: "run", up: false };
    this.done = () => {};
  }

  open() {
    this.place = el("div", {
      class: "results-runtable",
      tabindex: "0",
      role: "region",
      "aria-label": t("results.runs_title"),
    });
    this.below = el("div");
    this.draw();
    const note = el("p", { class: "small" }, t("results.runs_help"));
    return showDialog(t("results.runs_title"), [this.place, note, this.below], (close) => {
      this.done = close;
      return closeButton(close);
    });
  }

  draw() {
    const { best, runs } = this.found(), { by, up } = this.order;
    const line = (row) =>
      el(
        "tr",
        { class: store.data && row.run.id === store.data.run.id ? "shown" : "" },
        Object.keys(COLUMNS).map((name) =>
          el("td", { class: columnOf(name) }, cell(name, row, best, (run) => this.differButton(run)))
        ),
        el("td", { class: "results-runlast" }, el("div", { class: "results-runacts" }, this.acts(row))),
      );
    this.place.replaceChildren(el(
      "table",
      {},
      el(
        "thead",
        {},
        el("tr", {}, Object.keys(COLUMNS).map((name) => this.head(name)), el("td", { class: "results-runlast" })),
      ),
      el("tbody", {}, sorted(runs, by, up).map(line)),
    ));
    const found = curve(this.found());
    this.below.replaceChildren(found ?? "");
  }

  head(name) {
    const { by, up } = this.order, sort = name === by ? (up ? "ascending" : "descending") : null;
    const onclick = () => {
      this.order = { by: name, up: name === by ? !up : false };
      this.draw();
    };
    return el(
      "th",
      { scope: "col", "aria-sort": sort, class: columnOf(name) },
      el("button", { type: "button", class: "link", onclick }, t(`results.runs_${name}`)),
    );
  }

  acts(row) {
    const { run } = row;
    const act = (name, image, key, onclick) => {
      const words = t(key, { n: run.number }), id = `${name}-${run.number}`;
      const look = { class: "btn icon quiet", type: "button", dataset: { id }, title: words, "aria-label": words };
      return el("button", { ...look, onclick }, icon(image));
    };
    const show = () => this.leave(() => choose(run.id));
    return [
      el("button", { class: "btn slim", type: "button", onclick: show }, t("results.runs_choose")),
      act("name", "edit", "results.runs_edit", () => this.edit(run)),
      act("delete", "trash", "results.runs_delete", () => this.remove(row)),
    ];
  }

  leave(work) {
    this.done();
    work();
  }

  async edit(run) {
    const field = (kind, key, value, more) => {
      const made = el(kind, { class: "field", id: `run-${key}`, dir: "auto", ...more });
      made.value = value;
      return made;
    };
    const name = field("input", "name", run.name, { type: "text", maxlength: "200", autocomplete: "off" });
    const note = field("textarea", "note", run.note, { rows: "4", maxlength: "2000" });
    const labeled = (node, key) =>
      el("label", { class: "results-runfield", for: node.id }, t(`results.runs_edit_${key}`), node);
    const title = t("results.runs_edit", { n: run.number });
    const yes = await showDialog(title, [labeled(name, "name"), labeled(note, "note")], (close) => {
      name.addEventListener("keydown", (event) => event.key === "Enter" && !event.isComposing && close(true));
      const keep = { class: "btn primary", type: "button", onclick: () => close(true) };
      return [cancelButton(close), el("button", keep, t("results.runs_edit_yes"))];
    }, () => name.value !== run.name || note.value !== run.note); // Esc loses nothing
    if (yes) await this.change("/run-name", { run: run.id, name: name.value, note: note.value });
  }

  async remove({ run, bytes }) {
    const yes = await askFirst({
      title: t("results.runs_delete", { n: run.number }),
      text: t("results.runs_delete_ask", { size: fmt.bytes(bytes) }),
      yes: t("results.runs_delete_yes"),
      danger: true,
    });
    if (!yes) return;
    const shown = store.data && store.data.run.id === run.id, other = this.found().runs.find((row) => row.run !== run);
    if (shown) await choose(other ? other.run.id : 0, !other); // nothing is asked of a run that is gone
    const gone = await this.change("/run-delete", { run: run.id });
    if (shown) choose(gone ? 0 : run.id);
    if (!gone) return;
    toast(t("results.runs_deleted", { n: run.number }), "good");
    if (store.exported === run.id) store.exported = 0;
    if (!this.found().runs.length) this.done();
  }

  async change(path, body) {
    try {
      await api(path, body);
      await refreshState();
      await this.again();
      this.draw();
      return true;
    } catch (error) {
      toast(error);
      return false;
    }
  }

  differButton(run) {
    return el(
      "button",
      { class: "link", type: "button", onclick: () => this.differ(run) },
      t("results.runs_differ"),
    );
  }

  /** The images on which a run and the best one differ, with both their answers. */
  async differ(run) {
    try {
      const { ids } = await api(`/differ?a=${run.id}&b=${this.found().best}`);
      if (!ids.length) return toast(counted("results.runs_same", 0));
      this.leave(() => see({ run: run.id, than: this.found().best, list: keepList("differ", ids) }));
    } catch (error) {
      toast(error);
    }
  }
}
