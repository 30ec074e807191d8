// The dialog that sorts: where, as what, and what would go where, before anything is written.
import { chooseFolder } from "../shell/browse.js";
import { cancelButton, showDialog } from "../shell/dialog.js";
import { classMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { errorBox, toast } from "../shell/notices.js";
import { wholePath } from "../shell/path_field.js";
import { api } from "../shell/server.js";
import { startRun } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { classOf } from "./words.js";

const WAYS = ["copy", "hardlink", "symlink", "list"];
const CALM = 200; // ms without a key until it is asked
const SURE = 90; // per cent

/** Ask, and sort. run: whose answers may be taken. */
export async function askSort(run) {
  const dialog = new SortDialog(run), wanted = await dialog.open();
  if (wanted) startRun("sort", wanted).catch(toast);
}

class SortDialog {
  constructor(run) {
    this.run = run;
    this.way = WAYS[0];
    this.found = null; // what the server says of it
    this.asked = 0; // questions to the server; only the last answer counts
    this.timer = null;
    const heard = { oninput: () => this.later() };
    const typed = { class: "field", type: "text", id: "sort-into", spellcheck: "false", ...heard };
    this.field = el("input", { ...typed, readonly: true }); // until a folder is proposed: it would join what is typed
    this.takes = el("input", { type: "checkbox", id: "sort-model", onchange: () => this.ask() });
    const sure = {
      class: "field",
      type: "number",
      min: "1",
      max: "100",
      value: SURE,
      "aria-label": t("sort.model_of"),
    };
    this.sure = el("input", { ...sure, id: "sort-sure", ...heard });
    this.shown = el("div", { class: "li-shown", role: "status", "aria-live": "polite" });
    this.yes = el("button", { class: "btn primary", type: "button", disabled: true }, t("sort.yes_none"));
  }

  open() {
    const body = el("div", { class: "li-body" }, this.where(), this.ways(), this.model(), this.shown);
    const done = showDialog(t("sort.title"), body, (close) => {
      this.yes.addEventListener("click", () => close(this.config()));
      return [cancelButton(close), this.yes];
    });
    this.ask();
    return done.finally(() => {
      this.asked += 1;
      clearTimeout(this.timer);
    });
  }

  config() {
    const threshold = this.takes.checked ? Math.min(100, Math.max(1, Number(this.sure.value) || SURE)) / 100 : 0;
    return { run: threshold ? this.run : 0, folder: this.field.value.trim(), way: this.way, threshold };
  }

  where() {
    const browse = async () => {
      const chosen = await chooseFolder("", false, t("sort.browse"));
      if (!chosen || !this.found) return;
      const name = this.found.proposed.split(/[\\/]/).pop();
      this.field.value = `${chosen.replace(/[\\/]$/, "")}/${name}`;
      this.field.dispatchEvent(new Event("input", { bubbles: true }));
    };
    return el(
      "div",
      { class: "sort-where" },
      el("label", { for: "sort-into" }, t("sort.into"), el("span", { class: "small" }, t("sort.into_help"))),
      this.field,
      el("button", { class: "btn", type: "button", onclick: browse }, icon("folder"), t("browse.open")),
      wholePath(this.field),
    );
  }

  ways() {
    const way = (each) => {
      const choose = () => {
        this.way = each;
        this.draw();
      };
      const radio = { type: "radio", name: "sort-way", value: each, checked: each === this.way, onchange: choose };
      const words = el(
        "span",
        {},
        el("b", {}, t(`sort.${each}`)),
        el("span", { class: "small" }, t(`sort.${each}_help`)),
      );
      return el("label", { class: "li-kind" }, el("input", radio), words);
    };
    return el("fieldset", { class: "li-kinds" }, el("legend", {}, t("sort.way")), WAYS.map(way));
  }

  model() {
    return el(
      "div",
      { class: "sort-model" },
      el("label", { class: "li-keep" }, this.takes, el("span", {}, t("sort.model"))),
      this.sure,
      el("span", { class: "small" }, t("sort.model_help")),
    );
  }

  later() {
    this.yes.disabled = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask(), CALM);
  }

  async ask() {
    this.asked += 1;
    this.yes.disabled = true;
    this.sure.disabled = !this.takes.checked;
    const mine = this.asked;
    if (!this.found) this.shown.replaceChildren(el("p", { class: "small" }, t("sort.looking")));
    try {
      const found = await api("/sort/preview", { config: this.config() });
      if (mine !== this.asked) return;
      if (this.field.readOnly) this.propose(found.proposed);
      this.found = found;
      this.draw();
    } catch (error) {
      if (mine !== this.asked) return;
      this.field.readOnly = false;
      this.shown.replaceChildren(errorBox(error));
    }
  }

  propose(folder) {
    this.field.readOnly = false;
    this.field.value = folder;
    if (document.activeElement === this.field) this.field.select(); // what is typed now takes its place
  }

  draw() {
    const { found, way } = this;
    if (!found) return;
    const impossible = found.problem || (way === "hardlink" && !found.room.same_disk);
    this.yes.disabled = Boolean(impossible) || !this.field.value.trim();
    this.yes.textContent = impossible ? t("sort.yes_none") : counted("sort.yes", found.images);
    this.shown.replaceChildren(...notes(found, way), table(found));
  }
}

function notes(found, way) {
  if (found.problem) return [errorBox(found.problem)];
  const room = { bytes: fmt.bytes(found.bytes), free: fmt.bytes(found.room.free) };
  const scarce = found.bytes > found.room.free && !found.room.begun;
  const say = (key, look = "small") => el("p", { class: look }, t(`sort.${key}`, room));
  const by = ["person", "accepted", "model", ""].filter((each) => found.sources[each]);
  return [
    found.room.begun ? say("goes_on", "note warn") : null,
    way === "hardlink" && !found.room.same_disk ? say("other_disk", "note bad") : null,
    way === "copy" ? say(scarce ? "no_room" : "room", scarce ? "note warn" : "small") : null,
    el("p", {}, by.map((each) => t(`sort.by_${each}`, { n: fmt.int(found.sources[each]) })).join(", ")),
    found.repeats ? el("p", { class: "small" }, counted("sort.repeats", found.repeats)) : null,
    found.left_out ? el("p", { class: "small" }, counted("sort.left_out", found.left_out)) : null,
    way !== "list" && found.renamed ? el("p", { class: "small" }, counted("sort.renamed", found.renamed)) : null,
    way !== "list" && found.named ? say("named") : null,
  ].filter(Boolean);
}

function table(found) {
  const heads = [["class", ""], ["folder", ""], ["images", "num"]].map(([key, look]) =>
    el("th", { scope: "col", class: look }, t(`sort.${key}`))
  );
  const name = (label) =>
    label
      ? [classMark(classOf(label)), el("span", { class: "clip", dir: "auto", title: label }, label)]
      : el("span", { class: "faint" }, t("sort.unsure"));
  const rows = found.classes.map(({ label, folder, images }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, el("span", { class: "results-class" }, name(label))),
      el("td", {}, el("span", { class: "clip", dir: "auto", title: folder }, folder)),
      el("td", { class: "num" }, fmt.int(images)),
    )
  );
  const more = found.classes_count - rows.length;
  return el(
    "div",
    { class: "sort-table", tabindex: "0", role: "region", "aria-label": t("sort.title") },
    el("table", {}, el("thead", {}, el("tr", {}, heads)), el("tbody", {}, rows)),
    more > 0 ? el("p", { class: "small" }, t("import.more_classes", { n: fmt.int(more) })) : null,
  );
}
