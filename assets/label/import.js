// Labels from elsewhere: a dialog that shows what would happen before anything does.
import { cancelButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { errorBox, toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { counted, t } from "../shell/text.js";
import { preview } from "./import_preview.js";
import { readText } from "./text_file.js";

const KINDS = ["csv", "folders", "label-studio"];
const ACCEPT = { csv: ".csv,.tsv,.txt,text/csv", "label-studio": ".json,application/json" };

/** Put the button that imports below a list of classes. */
export function addImport(host, store) {
  const open = () => new ImportDialog(store).open();
  const button = el("button", { type: "button", class: "btn quiet slim", onclick: open }, t("import.open"));
  host.append(el("div", { class: "li-foot" }, button));
}

class ImportDialog {
  constructor(store) {
    this.store = store;
    this.kind = KINDS[0];
    this.found = null; // what the server found in the file
    this.keep = "mine"; // whose label stays where two differ
    this.asked = 0; // questions to the server; only the last answer counts
    this.close = null;
    this.file = el("input", { type: "file", onchange: () => this.read() });
    this.picker = el("label", {}, t("import.file"), this.file);
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
    this.file.accept = ACCEPT[kind] || "";
    this.picker.hidden = kind === "folders";
    this.found = null;
    this.draw();
    if (kind === "folders") this.read();
  }

  async read() {
    this.asked += 1;
    const mine = this.asked, folders = this.kind === "folders";
    this.found = null;
    this.draw();
    if (!folders && !this.file.files[0]) return;
    this.shown.replaceChildren(el("p", { class: "small" }, t("import.reading")));
    try {
      const text = folders ? "" : await readText(this.file.files[0]);
      const found = await api("/import/preview", { kind: this.kind, text });
      if (mine !== this.asked) return;
      Object.assign(this, { found, keep: "mine" });
      this.draw();
    } catch (error) {
      if (mine === this.asked) this.shown.replaceChildren(errorBox(error));
    }
  }

  draw() {
    const found = this.found;
    const n = !found ? 0 : this.keep === "theirs" ? found.images : found.images - found.conflicts.count;
    this.yes.disabled = n === 0;
    this.yes.textContent = n ? counted("import.yes", n) : t("import.yes_none");
    const choose = (whose) => {
      this.keep = whose;
      this.draw();
    };
    this.shown.replaceChildren(...(found ? preview(found, this.keep, choose) : []));
  }

  async send() {
    this.yes.disabled = true;
    this.yes.textContent = t("import.saving");
    try {
      const desk = this.store.desk || "";
      this.close(await api("/import/commit", { token: this.found.token, keep: this.keep, desk }));
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
    this.store.offer(counted("import.done", done.images), back);
    await this.refresh().catch(toast);
  }

  async refresh() { // the labels, and the steps that undo knows
    await this.store.load();
    await this.store.older();
  }
}
