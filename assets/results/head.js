// The head of the Results page: which run, and the button that exports.
import { el } from "../shell/dom.js";
import { toast } from "../shell/notices.js";
import { goTo } from "../shell/pages.js";
import { sinceWords } from "../shell/since.js";
import { startRun } from "../shell/state.js";
import { t } from "../shell/text.js";
import { nextButton } from "./next.js";
import { nameOf } from "./run_table.js";
import { choose, read, store, tell, toExport } from "./store.js";
import { busyWith } from "./words.js";

function runName(run) {
  const name = nameOf(run);
  if (run.status !== "done") {
    return t("results.run_undone", { name, recipe: run.recipe, status: t(`run.${run.status}`) });
  }
  return run.labels
    ? t("results.run", { name, recipe: run.recipe, labels: run.labels })
    : t("results.run_plain", { name, recipe: run.recipe });
}

/** The head. met: the folder is finished; seconds: a person's time for a label; more: a button before the export. */
export function head(met, seconds, more) {
  const data = store.data, exporting = busyWith("export"), count = store.wanted.size;
  const pick = el("select", {
    class: "field results-run",
    "aria-label": t("results.choose_run"),
    onchange: (event) => choose(Number(event.target.value)),
  }, data ? data.runs.map((run) => el("option", { value: String(run.id) }, runName(run))) : []);
  if (data) pick.value = String(data.run.id);
  const goes = toExport(), other = goes && data && goes.run.id !== data.run.id, of = other ? "_of" : "";
  const what = `results.export_${count === 1 ? "one" : "primary"}${of}`, run = goes && goes.run.number;
  const label = exporting ? t("results.exporting") : count ? t(what, { n: count, run }) : t("results.export_none");
  const button = el(
    "button",
    { class: `btn ${met ? "primary" : ""}`, type: "button", id: "results-export", onclick: submit },
    label,
  );
  button.disabled = !goes || Boolean(exporting) || !count;
  more.disabled = !data || data.run.status !== "done";
  return el(
    "div",
    { class: "page-head results-head" },
    el("h1", {}, t("results.title")),
    data ? pick : null,
    ...(data && data.since ? sinceParts(data.since) : []),
    data ? el("div", { class: "results-main push" }, more, button, nextButton(data, met, seconds)) : null,
  );
}

const sinceParts = (since) => [
  el("span", { class: "tag warn" }, sinceWords(since)),
  el(
    "button",
    { class: "link", type: "button", id: "results-train", onclick: () => goTo("train") },
    t("results.retrain"),
  ),
];

async function submit(event) {
  const button = event.currentTarget;
  button.disabled = true;
  const { run, export_into } = toExport(), folder = (store.into ?? export_into).trim();
  try {
    await startRun("export", { run: run.id, folder, items: [...store.wanted] });
    store.into = null;
  } catch (error) {
    toast(error);
  }
  button.disabled = false;
  store.key = "";
  tell();
  read();
}
