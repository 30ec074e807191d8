// Labels from elsewhere: a dialog that shows what would happen before anything does.
import { cancelButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { errorBox, toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { counted, t } from "../shell/text.js";
import { preview } from "./import_preview.js";
import { questions } from "./import_questions.js";
import { readFile } from "./text_file.js";

const KINDS = ["file", "folders"];

/** The button that imports. */
export const importButton = (store, look = "") =>
  el(
    "button",
    { type: "button", class: `btn ${look}`, onclick: () => new ImportDialog(store).open() },
    t("import.open"),
  );

/** Put it below a list of classes. */
export const addImport = (host, store) =>
  host.append(el("div", { class: "li-foot" }, importButton(store, "quiet slim")));

class ImportDialog {
  constructor(store) {
    this.store = store;
    this.kind = KINDS[0];
    this.found = null; // what the server found in the file
    this.keep = "mine"; // whose label stays where two differ
    this.answers = {}; // what the person says where the file is not clear
    this.check = "none"; // what is kept apart as check images
    this.asked = 0; // questions to the server; only the last answer counts
    this.close = null;
    // Emptied before a choice: a browser says nothing of the same name again, and the file may be another one by now.
    this.file = el("input", { type: "file", onclick: () => this.choose(this.kind), onchange: () => this.read() });
    this.picker = el("label", {}, t("import.pick"), this.file);
    this.shown = el("div", { class: "li-shown", role: "status", "aria-live": "polite" });
    const send = { class: "btn primary", type: "button", disabled: true, onclick: () => this.send() };
    this.yes = el("button", send, t("import.yes_none"));
  }

  async open() {
    this.choose(this.kind);
    const body = el("div", { class: "li-body" }, this.sources(), this.picker, this.shown);
    const done = await showDialog(t("import.title"), body, (close) => {
      this.close = close;
      return [cancelButton(close), this.yes];
    });
    this.asked += 1;
    if (done) await this.finish(done);
  }

  sources() {
    const source = (each) => {
      const radio = { type: "radio", name: "li-kind", value: each, checked: each === this.kind };
      return el(
        "label",
        { class: "li-kind" },
        el("input", { ...radio, onchange: () => this.choose(each) }),
        el("span", {}, el("b", {}, t(`import.${each}`)), el("span", { class: "small" }, t(`import.${each}_help`))),
      );
    };
    return el("fieldset", { class: "li-kinds" }, el("legend", {}, t("import.source")), KINDS.map(source));
  }

  choose(kind) {
    this.kind = kind;
    this.file.value = "";
    this.picker.hidden = kind === "folders";
    this.found = null;
    this.draw();
    if (kind === "folders") this.read();
  }

  async read() {
    const folders = this.kind === "folders", [file] = this.file.files;
    Object.assign(this, { found: null, keep: "mine", check: "none", answers: {} });
    this.draw();
    if (!folders && !file) return;
    this.shown.replaceChildren(el("p", { class: "small" }, t("import.reading")));
    await this.ask(async () => ({ kind: this.kind, ...(folders ? {} : await readFile(file)) }));
  }

  /** Say what was asked: the server reads the same file again. */
  async answer(option, value) {
    const { token } = this.found, before = this.answers[option];
    this.answers[option] = option === "labels_level" ? Number(value) : value;
    this.yes.disabled = true;
    const read = await this.ask(() => ({ token, answers: this.answers }), option);
    if (!read) this.answers[option] = before;
  }

  /** Ask for a preview and draw it; whether it came. */
  async ask(body, focus = "") {
    this.asked += 1;
    const mine = this.asked;
    try {
      const found = await api("/import/preview", await body());
      if (mine !== this.asked) return true;
      this.found = found;
      if (this.check === "split" && !found.test) this.check = "none"; // another answer, and no part is called test
      this.draw();
      /** @type {HTMLElement | null} */
      const asked = focus ? this.shown.querySelector(`[name="${focus}"]:checked, select[name="${focus}"]`) : null;
      asked?.focus();
      return true;
    } catch (error) {
      if (mine === this.asked) {
        this.yes.disabled = true;
        this.shown.replaceChildren(errorBox(error), ...(this.found ? this.parts() : []));
      }
      return false;
    }
  }

  draw() {
    const found = this.found;
    const n = !found || found.open ? 0 : this.keep === "theirs" ? found.images : found.images - found.conflicts.count;
    this.yes.disabled = n === 0;
    this.yes.textContent = n ? counted("import.yes", n) : t("import.yes_none");
    this.shown.replaceChildren(...(found ? this.parts() : []));
  }

  parts() {
    const choose = (name) => (value) => {
      this[name] = value;
      this.draw();
    };
    const { found } = this;
    return [
      ...questions(found, (option, value) => this.answer(option, value)),
      ...preview(found, this.keep, choose("keep"), this.check, choose("check")),
    ];
  }

  async send() {
    this.yes.disabled = true;
    this.yes.textContent = t("import.saving");
    try {
      const desk = this.store.desk || "";
      const { token } = this.found;
      this.close(await api("/import/commit", { token, keep: this.keep, check: this.check, desk }));
    } catch (error) {
      this.found = null;
      this.draw();
      this.shown.replaceChildren(errorBox(error));
    }
  }

  async finish(done) {
    const back = async () => {
      try {
        const { images } = await api("/import/undo", { batch: done.batch, classes: done.new_classes });
        toast(counted("import.undone", images));
        await this.refresh();
      } catch (error) {
        toast(error);
      }
    };
    const none = this.check === "none" ? "" : ` ${t("import.no_checks")}`; // e.g. all groups have learned images
    const checks = done.checks ? ` ${counted("import.done_checks", done.checks)}` : none;
    this.store.offer(counted("import.done", done.images) + checks, back);
    await this.refresh().catch(toast);
  }

  async refresh() { // the labels, and the steps that undo knows
    await this.store.load();
    await this.store.older();
  }
}
