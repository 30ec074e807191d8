// What a person does to classes: each asks where it takes labels away, and says how to undo it.
import { askFirst, cancelButton, showDialog } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { errorBox, toast } from "../shell/notices.js";
import { counted, t } from "../shell/text.js";
import { askColour } from "./colour_dialog.js";
import { readText } from "./text_file.js";

const PATIENCE = 10000; // ms that labels on their way are waited for

export class ClassActs {
  constructor(store) {
    this.store = store;
  }

  async save(body) {
    try {
      return await this.store.saveClass(body);
    } catch (error) {
      toast(error);
      return null;
    }
  }

  async reload() {
    try {
      await this.store.load();
    } catch (error) {
      toast(error);
    }
  }

  // A label that is still on its way must not meet a class that is gone.
  async settled() {
    for (
      const until = performance.now() + PATIENCE;
      this.store.pending();
      await new Promise((done) => setTimeout(done, 50))
    ) {
      if (performance.now() > until) {
        toast(t("classes.waiting"), "bad");
        return false;
      }
    }
    return true;
  }

  /** Save what changes labels too, tell it, then show the labels as they are now. */
  async change(body, tell) {
    const done = (await this.settled()) && (await this.save(body));
    if (!done) return;
    tell(done);
    await this.reload();
  }

  back(body, name) {
    return () => this.change(body, () => toast(t("classes.back", { name })));
  }

  /** A dialog that stays open while the server refuses. send() -> promise. */
  ask(title, nodes, yes, send, more = (_act) => []) {
    const trouble = el("div", {});
    let act = null;
    const form = el(
      "form",
      {
        class: "lc-form",
        onsubmit: (event) => {
          event.preventDefault();
          act(send);
        },
      },
      nodes,
      trouble,
    );
    return showDialog(title, form, (close) => {
      const button = el("button", { class: "btn primary", type: "button", onclick: () => act(send) }, yes);
      act = async (work) => {
        button.disabled = true;
        try {
          close(await work());
        } catch (error) {
          trouble.replaceChildren(errorBox(error));
        }
        button.disabled = false;
      };
      return [...more(act), cancelButton(close), button];
    });
  }

  // ---- colour and key
  async colour(each) {
    const chosen = await askColour(each, this.store.classes.filter((other) => other.id !== each.id));
    if (chosen) await this.save({ op: "recolour", id: each.id, colour: chosen.colour });
  }

  key(each) {
    const input = el("input", {
      class: "field lc-key",
      maxlength: "2",
      autocomplete: "off",
      spellcheck: "false",
      value: each.key,
    });
    const send = (value) => this.store.saveClass({ op: "key", id: each.id, key: value });
    queueMicrotask(() => {
      input.focus();
      input.select();
    });
    return this.ask(
      t("classes.key_title", { name: each.name }),
      [el("p", {}, t("classes.key_help")), el("label", {}, t("classes.key_label"), input)],
      t("classes.key_save"),
      () => send(input.value),
      (act) => (each.key
        ? [el("button", {
          class: "btn quiet",
          type: "button",
          onclick: () => act(() => send("")),
        }, t("classes.key_none"))]
        : []),
    );
  }

  // ---- merge and delete
  async merge(each) {
    const n = this.store.counts.get(each.id) || 0;
    const into = el(
      "select",
      { class: "field" },
      this.store.classes.filter((other) => other.id !== each.id).map((other) =>
        el("option", { value: String(other.id) }, other.name)
      ),
    );
    const chosen = await showDialog(
      t("classes.merge_title", { name: each.name }),
      el(
        "div",
        { class: "lc-form" },
        el("p", {}, counted("classes.merge_text", n, { name: each.name })),
        el("label", {}, t("classes.merge_into"), into),
      ),
      (close) => [
        cancelButton(close),
        el("button", {
          class: "btn primary",
          type: "button",
          onclick: () => close(Number(into.value)),
        }, t("classes.merge_yes")),
      ],
    );
    if (!chosen) return;
    const other = this.store.classOf(chosen);
    await this.change({ op: "merge", id: each.id, into: chosen }, (done) =>
      this.store.offer(
        counted("classes.merged", done.images, { name: each.name, into: other ? other.name : "" }),
        this.back({ op: "unmerge", id: each.id, batch: done.batch }, each.name),
      ));
  }

  async remove(each) {
    const n = this.store.counts.get(each.id) || 0;
    const yes = await askFirst({
      title: t("classes.delete_title", { name: each.name }),
      text: counted("classes.delete_text", n),
      yes: t("classes.delete"),
      danger: true,
    });
    if (!yes) return;
    await this.change({ op: "delete", id: each.id }, (done) =>
      this.store.offer(
        counted("classes.deleted", done.images, { name: each.name }),
        this.back({ op: "restore", id: each.id }, each.name),
      ));
  }

  // ---- a list of names
  async list() {
    const area = el("textarea", { class: "field lc-list", rows: "10", spellcheck: "false", dir: "auto" });
    const file = el("input", { type: "file", accept: ".txt,.csv,text/plain,text/csv" });
    file.addEventListener("change", async () => {
      try {
        if (file.files[0]) area.value = await readText(file.files[0]);
      } catch (error) {
        toast(error);
      }
    });
    queueMicrotask(() => area.focus());
    const done = await this.ask(
      t("classes.list_title"),
      [
        el("p", {}, t("classes.list_help")),
        el("label", {}, t("classes.list_label"), area),
        el("label", {}, t("classes.list_file"), file),
      ],
      t("classes.list_yes"),
      () => this.store.saveClass({ op: "add_many", text: area.value }),
    );
    if (!done) return;
    const names = done.passed_over.join(", ");
    toast(
      done.passed_over_count
        ? t("classes.listed_over", { n: fmt.int(done.added), over: fmt.int(done.passed_over_count), names })
        : counted("classes.listed", done.added),
    );
  }

  add(name) {
    return this.save({ op: "add", name });
  }

  addOther() {
    return this.save({ op: "add_other", name: t("classes.none") });
  }

  other(each) {
    return this.save({ op: "other", id: each.id, holds: !each.other });
  }

  rename(id, name) {
    return this.save({ op: "rename", id, name });
  }

  reorder(ids) {
    return this.save({ op: "reorder", ids });
  }
}
