// The form that exports, and what was exported.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { wholePath } from "../shell/path_field.js";
import { t } from "../shell/text.js";
import { nameOf, points } from "./run_table.js";
import { store, tell, toExport } from "./store.js";
import { isOpen } from "./words.js";

const COMMAND = "predict.py"; // of an exported model (fact_core/classifier/export.py)

const words = (text) => text.split(" ").map((each, i) => [i ? " " : "", el("span", {}, each)]);

function exportItem(item) {
  const box = el("input", {
    type: "checkbox",
    id: `export-${item.name}`, // found again when the proposal comes
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
  const names = run.files.join(", "), count = run.files.length, runs = run.files.includes(COMMAND);
  return el(
    "div",
    { class: "note good", role: "status" },
    el("b", {}, t("results.exported")),
    " ",
    el("span", { class: "export-path" }, run.folder),
    copy,
    count ? el("p", {}, t(count === 1 ? "results.export_file" : "results.export_files", { n: count, names })) : null,
    runs ? el("p", {}, t("results.export_use"), " ", el("code", {}, words(t("results.export_command")))) : null,
  );
}

// Which run it is, and why that one.
function runPart(goes) {
  const { compared, data } = store;
  if (!compared || compared.why === "only") return null;
  const of = (run) => compared.runs.find((row) => row.run.id === run);
  const onchange = (event) => {
    store.exported = Number(event.target.value) === compared.proposed ? 0 : Number(event.target.value);
    store.into = null;
    tell();
  };
  const name = (run) => run.id === compared.proposed ? t("results.export_proposed", { n: run.number }) : nameOf(run);
  const pick = el(
    "select",
    { class: "field", id: "export-run", onchange },
    compared.runs.filter(({ run }) => run.status === "done").map(({ run }) =>
      el("option", { value: String(run.id) }, name(run))
    ),
  );
  pick.value = String(goes.run.id);
  const other = goes.run.id === data.run.id ? "" : t("results.export_other", { n: data.run.number });
  return [
    el("label", { class: "export-into", for: "export-run" }, t("results.export_run")),
    pick,
    el("p", { class: "small export-why" }, [why(of), other].filter(Boolean).join(" ")),
  ];
}

function why(of) {
  const { compared, exported } = store;
  if (exported) return t("results.export_own_choice", { n: of(compared.proposed).run.number });
  const best = of(compared.best), newest = compared.runs.find(({ run }) => run.status === "done");
  const by = newest.against, equal = compared.why === "newest" && by.difference === 0;
  return t(`results.export_why_${compared.why}${equal ? "_equal" : ""}`, {
    best: best && best.run.number,
    newest: newest.run.number,
    points: by && points(Math.abs(by.difference)),
    images: by && fmt.int(by.n),
  });
}

export function exportPart(data) {
  const goes = toExport();
  if (!goes) {
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
  const exports = data.exports.filter((each) => each.run === goes.run.id);
  into.value = store.into ?? goes.export_into;
  return el(
    "section",
    { class: "part" },
    el("h2", {}, t("results.export")),
    runPart(goes),
    el("div", { class: "export-items" }, data.items.map(exportItem)),
    el(
      "label",
      { class: "export-into", for: "export-into" },
      t("results.into"),
      el("span", { class: "small faint" }, t("results.into_help")),
    ),
    into,
    wholePath(into),
    el("div", { class: "export-done" }, exports.slice(0, 2).map(exported)),
  );
}
