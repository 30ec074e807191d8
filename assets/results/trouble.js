// Why there is no result yet, and what to do.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { asSentence, toast } from "../shell/notices.js";
import { goTo } from "../shell/pages.js";
import { startRun } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { isOpen } from "./words.js";

function undone(run) { // no model: whether one is coming, and what stands in its way
  const lines = [el("span", {}, t(`results.is_${run.status}`, { n: run.number }))];
  if (run.status === "failed" && run.reason) {
    lines.push(el("span", { class: "results-reason" }, asSentence(run.reason)));
  }
  const button = el(
    "button",
    { class: "btn slim", type: "button", onclick: () => goTo("train") },
    t("results.to_train"),
  );
  return el(
    "div",
    { class: `note results-note${run.status === "failed" ? " bad" : ""}`, role: "status" },
    lines,
    button,
  );
}

function lacking({ run, predicted }) { // photos that came into the folder since
  const act = () => startRun("predict", { run: run.id }).catch(toast);
  return el(
    "div",
    { class: "note results-note", role: "status" },
    `${counted("results.lacking", predicted.lacking, { run: run.number })} `,
    el("button", { class: "btn slim", type: "button", id: "results-answer", onclick: act }, t("results.answer_them")),
  );
}

export function trouble(data) { // the pool is not predicted: why, and what to do
  const run = data.predicted, running = run && app.state.run && app.state.run.id === run.id ? app.state.run : null;
  if (data.run.status !== "done") return undone(data.run);
  if (run && run.status === "done") return run.lacking ? lacking(data) : null;
  if (run && isOpen(run)) {
    const done = running && running.progress && running.progress.total ? running.progress : null;
    const bar = el("i", { style: { width: done ? `${(100 * done.done) / done.total}%` : "0%" } });
    return el(
      "div",
      { class: "note results-note", role: "status" },
      done
        ? t("results.predicting", { done: fmt.int(done.done), total: fmt.int(done.total) })
        : t("results.predicting_soon"),
      el("div", { class: "meter" }, bar),
    );
  }
  const button = el("button", {
    class: "btn slim",
    type: "button",
    onclick: () => startRun("predict", { run: data.run.id }).catch(toast),
  }, t(run ? "results.predict_again" : "results.predict"));
  return el(
    "div",
    { class: `note results-note ${run ? "bad" : ""}` },
    run ? `${t("results.predict_failed")} ${run.reason || ""} ` : `${t("results.predict_missing")} `,
    button,
  );
}
