// The left pane of the Train page: the form's lock while a run works, and the earlier runs.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { redraw } from "../shell/redraw.js";
import { refreshState } from "../shell/state.js";
import { t } from "../shell/text.js";
import { follow, shownRun, showRun } from "./follow.js";
import { obstacle, pressHidden } from "./form.js";
import { openResults, press, resume, stop } from "./head.js";
import { isActive, isOver, lasted, trainRuns } from "./runs.js";
import { high, low, share } from "./words.js";

/** The piece "train-settings": the form shows the settings of the shown run, locked while that works. */
export function trainSettings(root) {
  let filled = null;
  return follow(() => {
    const state = app.state;
    if (!state || !state.project) return;
    const run = shownRun(state), locked = isActive(run), form = document.getElementById("train-form");
    const of = run ? `run ${run.id}` : `selection ${state.selection ? state.selection.id : ""}`;
    if (of !== filled && document.querySelector("#train-fill")) {
      filled = of;
      setTimeout(() => pressHidden("train-fill"));
    }
    redraw(root, locked, () =>
      el(
        "div",
        { class: "train-settings" },
        el("h2", {}, t("train.settings")),
        locked ? el("span", { class: "tag push" }, icon("lock"), t("train.locked")) : "",
      ));
    if (!form) return;
    form.inert = locked;
    form.classList.toggle("train-locked", locked);
  });
}

/** The piece "train-runs". */
export function trainRunsList(root) {
  return follow(() => {
    const state = app.state;
    if (!state || !state.project) return;
    const shown = shownRun(state);
    // One that waits behind can be stopped.
    const others = trainRuns(state).filter((run) => !isActive(run) || run.id !== shown.id);
    const look = others.map((run) => [run.id, run.status, run.accuracy]), acts = others.some(actionOf);
    redraw(root, [look, shown && shown.id, isActive(shown), acts], () =>
      el(
        "div",
        { class: "part" },
        el("h2", {}, t("train.earlier")),
        others.length
          ? el("ul", { class: "train-runs" }, others.map((run) => line(run, shown)))
          : el("p", { class: "small" }, t("train.no_runs")),
      ));
  });
}

function line(run, shown) {
  const onclick = () => {
    showRun(run.id);
    refreshState();
  };
  const current = shown && run.id === shown.id ? "true" : null;
  const look = { class: "train-name", type: "button", title: t("train.show"), "aria-current": current };
  const recipe = run.recipe ? t(`recipe.${run.recipe}`) : "";
  const name = el("button", { ...look, onclick }, t("train.run_of", { n: run.number, recipe }));
  const told = el("div", { class: "train-run" }, name, el("span", { class: "small" }, story(run)));
  return el("li", {}, told, actionOf(run));
}

function story(run) { // one line under the run's name
  if (run.status !== "done") return t(`train.is_${run.status}`);
  if (run.interval) {
    const [from, to] = run.interval;
    return t("train.accuracy", { accuracy: share(run.accuracy), low: low(from), high: high(to) });
  }
  const time = lasted(run);
  return time === null ? t("train.is_done") : t("train.done_in", { time: fmt.time(time) });
}

/** The button of a run, or null. */
function actionOf(run) {
  const button = (look, key) => el("button", { class: look, type: "button" }, t(key));
  if (run.status === "done") {
    const link = button("link", "train.open_results");
    link.addEventListener("click", () => openResults(run.id));
    return link;
  }
  if (run.status === "queued") return press(button("btn slim", "train.stop"), () => stop(run.id));
  const free = isOver(run) && !trainRuns(app.state).some(isActive);
  if (!free || obstacle(run.config.recipe, run.config.backbone)) return null;
  return press(button("btn slim", "train.resume"), () => resume(run.id));
}
