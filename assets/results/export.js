// The form that exports, and what was exported.
import { el } from "../shell/dom.js";
import { wholePath } from "../shell/path_field.js";
import { t } from "../shell/text.js";
import { store, tell } from "./store.js";
import { isOpen } from "./words.js";

function exportItem(item) {
  const box = el("input", {
    type: "checkbox",
    value: item.name,
    onchange: () => {
      if (box.checked) store.wanted.add(item.name);
      else store.wanted.delete(item.name);
      tell();
    },
  });
  box.checked = store.wanted.has(item.name);
  return el(
    "label",
    { class: "export-item" },
    box,
    el("span", {}, item.title, el("span", { class: "small faint" }, item.help)),
  );
}

function exported(run) {
  if (isOpen(run)) return el("div", { class: "note", role: "status" }, t("results.exporting"));
  if (run.status === "failed") {
    return el(
      "div",
      { class: "note bad", role: "alert" },
      el("b", {}, t("results.export_failed")),
      ` ${run.reason || ""}`,
    );
  }
  if (run.status !== "done") return null;
  const copy = el("button", {
    class: "btn quiet slim",
    type: "button",
    onclick: async () => {
      try {
        await navigator.clipboard.writeText(run.folder);
        copy.replaceChildren(t("results.copied"));
      } catch { /* the path stands there to be marked by hand */ }
    },
  }, t("results.copy"));
  const names = run.files.join(", "), count = run.files.length;
  return el(
    "div",
    { class: "note good", role: "status" },
    el("b", {}, t("results.exported")),
    " ",
    el("span", { class: "export-path" }, run.folder),
    copy,
    count ? el("p", {}, t(count === 1 ? "results.export_file" : "results.export_files", { n: count, names })) : null,
  );
}

export function exportPart(data) {
  if (data.run.status !== "done") {
    return el(
      "section",
      { class: "part" },
      el("h2", {}, t("results.export")),
      el("p", { class: "small" }, t("results.export_undone", { n: data.run.number })),
    );
  }
  const into = el("input", {
    class: "field",
    type: "text",
    id: "export-into",
    spellcheck: "false",
    autocomplete: "off",
    oninput: () => {
      store.into = into.value;
    },
  });
  into.value = store.into ?? data.export_into;
  return el(
    "section",
    { class: "part" },
    el("h2", {}, t("results.export")),
    el("div", { class: "export-items" }, data.items.map(exportItem)),
    el(
      "label",
      { class: "export-into", for: "export-into" },
      t("results.into"),
      el("span", { class: "small faint" }, t("results.into_help")),
    ),
    into,
    wholePath(into),
    el("div", { class: "export-done" }, data.exports.slice(0, 2).map(exported)),
  );
}
