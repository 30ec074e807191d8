// Sorting the images into folders: what was sorted, and what can be done about it. The dialog: sort_dialog.js.
import { app } from "../shell/app.js";
import { askFirst } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { errorBox, toast } from "../shell/notices.js";
import { redraw } from "../shell/redraw.js";
import { resumeRun, startRun, stopRun } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { askSort } from "./sort_dialog.js";
import { isOpen } from "./words.js";

const button = (key, look, act) =>
  el("button", { class: `btn ${look}`, type: "button", onclick: act }, t(`sort.${key}`));

export class SortPart {
  constructor() {
    this.now = el("div", { class: "sort-done" });
    this.run = 0;
    this.open = button("open", "", () => askSort(this.run));
    this.open.id = "results-sort";
    this.node = el(
      "section",
      { class: "part", hidden: true },
      el("h2", {}, t("sort.title")),
      el("p", { class: "small" }, t("sort.help")),
      el("div", { class: "sort-open" }, this.open),
      this.now,
    );
  }

  update(data) {
    this.node.hidden = data.run.status !== "done";
    this.run = data.run.id;
    const last = app.state.runs.find((run) => run.kind === "sort");
    this.open.disabled = Boolean(last && isOpen(last));
    redraw(this.now, [last && [last.id, last.status, last.stopping]], () => (last ? ended(last) : []));
    if (last && isOpen(last)) this.tell(last);
  }

  /** A number that moves is written into the same nodes. */
  tell(run) {
    const at = app.state.run && app.state.run.id === run.id ? app.state.run.progress : null;
    const place = this.now.querySelector(".sort-now"), fill = this.now.querySelector(".meter > i");
    if (!at || !place) return;
    const key = run.config.undo ? "sort.undoing" : "sort.running";
    place.textContent = t(key, { done: fmt.int(at.done), total: fmt.int(at.total) });
    /** @type {HTMLElement} */ (fill).style.width = `${at.total ? (100 * at.done) / at.total : 0}%`;
  }
}

function ended(run) {
  if (isOpen(run)) return [working(run)];
  if (run.status === "done") return [run.config.undo ? takenBack(run.result) : sorted(run.result)];
  const what = t(run.status === "failed" ? "sort.failed" : "sort.stopped");
  const box = errorBox(
    { what, found: run.status === "failed" ? run.reason : "" },
    run.status === "failed" ? "bad" : "warn",
  );
  box.append(el("div", { class: "sort-acts" }, button("go_on", "slim", () => resumeRun(run.id).catch(toast))));
  return [box];
}

function working(run) {
  const stop = button("stop", "slim", () => stopRun(run.id).catch(toast));
  stop.disabled = Boolean(run.stopping);
  return el(
    "div",
    { class: "note", role: "status" },
    el("p", { class: "sort-now" }, t("sort.waits")),
    el("div", { class: "meter" }, el("i", {})),
    el("div", { class: "sort-acts" }, stop),
  );
}

function sorted(made) {
  const only = made.way === "list" ? "_list" : ""; // no files of images
  const back = async () => {
    const question = { title: t("sort.undo_title"), text: t(`sort.undo_text${only}`, { folder: made.folder }) };
    if (!await askFirst({ ...question, yes: t("sort.undo") })) return;
    startRun("sort", { folder: made.folder, undo: true }).catch(toast);
  };
  return el(
    "div",
    { class: "note good", role: "status" },
    el("b", {}, t(`sort.done${only}`)),
    " ",
    el("span", { class: "export-path" }, made.folder),
    el("p", {}, counted(`sort.counts${only}`, made.images - made.missed)),
    made.missed ? el("p", {}, counted("sort.missed", made.missed, { first: made.first[0] })) : null,
    el("div", { class: "sort-acts" }, button("undo", "slim", back)),
  );
}

function takenBack(back) {
  return el(
    "div",
    { class: `note ${back.kept ? "warn" : ""}`, role: "status" },
    el("p", {}, counted(back.list ? "sort.undone_list" : "sort.undone", back.removed)),
    back.kept ? el("p", {}, counted("sort.kept", back.kept, { first: back.first[0] })) : null,
  );
}
