// The head of the Train page: what goes on in one sentence, and the one button.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { toast } from "../shell/notices.js";
import { goTo } from "../shell/pages.js";
import { redraw } from "../shell/redraw.js";
import { api } from "../shell/server.js";
import { sinceWords } from "../shell/since.js";
import { refreshState } from "../shell/state.js";
import { t } from "../shell/text.js";
import { dataOf, follow, shownRun, showRun } from "./follow.js";
import { hindrance, letTabLeaveLists, obstacle, pressHidden, watchWeights } from "./form.js";
import { isActive, isOver, lasted, prerequisite } from "./runs.js";
import { expected } from "./times.js";
import { lower, partOf, phaseTitle } from "./words.js";

/** The piece "train-head". */
export function trainHead(root) {
  const ends = [follow(() => draw(root)), watchWeights(), letTabLeaveLists()];
  return () => ends.forEach((end) => end());
}

function draw(root) {
  const state = app.state;
  if (!state || !state.project) return;
  const run = shownRun(state), may = ready(state), active = isActive(run);
  const since = (run && run.status === "done" && dataOf(run)?.since) || null, page = may.ok || active ? "" : may.page;
  const buttons = active ? [stopButton(run)] : buttonsOf(run, may.ok, since);
  const link = () => el("button", { class: "link", type: "button", onclick: () => goTo(page) }, t(`train.to_${page}`));
  // The sentence changes with every step; the buttons stay, or a click under way would be lost.
  const look = buttons.map((each) => [each.id, each.textContent, each.disabled, each.className]);
  redraw(root, [page, run && run.id, look], () =>
    el(
      "div",
      { class: "page-head train-head" },
      el("h1", {}, t("train.title")),
      el("p", { class: "fact", role: "status" }),
      page ? link() : "",
      el("span", { class: "push train-buttons" }, buttons),
    ));
  const fact = root.querySelector(".fact"), text = sentence(state, run, may, since);
  if (fact.textContent !== text) fact.textContent = text;
}

function sentence(state, run, may, since) {
  if (isActive(run)) return headline(state, run);
  if (!run || !may.ok) return may.text;
  const { same } = expected(), told = since ? sinceWords(since) : headline(state, run);
  return same ? `${told} ${t("train.same", { n: same })}` : told;
}

function headline(state, run) {
  const n = run.number, data = dataOf(run), point = data && data.point, doing = partOf(data);
  switch (run.status) {
    case "queued": {
      const first = prerequisite(state, run);
      if (!first) return t("train.head_queued", { n });
      const what = t(`train.before.${first.kind}`, { n: first.number });
      return t("train.head_before", { n, what });
    }
    case "running": {
      if (doing) return t("train.head_part", { n, part: doing.words });
      if (!point) return t("train.head_starting", { n });
      const phase = lower(phaseTitle(data, point.phase));
      return t("train.head_running", { n, phase, step: point.step, steps: point.steps });
    }
    case "done":
      return t("train.head_done", { n, time: fmt.time(lasted(run)) });
    case "failed":
      return t("train.head_failed", { n });
    default:
      return t(run.started ? "train.head_stopped" : "train.head_stopped_early", { n });
  }
}

/** {ok, text, page}: may a run start, the sentence beside the button, and the page that helps. */
function ready(state) {
  const labels = labeled(state);
  if (!labels.ok) return { ...labels, page: "label" };
  const why = hindrance();
  return why ? { ...labels, ...why, ok: false } : labels;
}

function labeled(state) { // the same of the labels alone
  const labels = state.labels || {}, counts = (state.classes || []).filter((each) => each.count > 0);
  const total = Math.max(0, (labels.total || 0) - (labels.checks_done || 0)); // chosen or not: all of them teach
  if (!total || !counts.length) return { ok: false, text: t("train.no_labels") };
  if (counts.length < 2) {
    return { ok: false, text: t(total === 1 ? "train.one_label" : "train.few_classes", { labels: total }) };
  }
  const { seconds } = expected(), takes = seconds === null ? "" : t("train.takes", { time: fmt.about(seconds) });
  const facts = { labels: total, classes: counts.length, checks: labels.checks_done || 0, takes };
  return { ok: true, text: t(facts.checks ? "train.ready_check" : "train.ready", facts) };
}

// ---- buttons
/** A button that does something on the server, once at a time. */
export function press(button, act) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await act();
    } catch (error) {
      toast(error);
    } finally {
      button.disabled = false;
      refreshState();
    }
  });
  return button;
}

export const resume = (id) => api("/resume", { run: id }).then(() => showRun(id));
export const stop = (id) => api("/stop", { run: id });

export function openResults(id) {
  app.wish.run = id;
  goTo("results");
}

function stopButton(run) {
  const data = dataOf(run), point = data && data.point;
  // Where images are learned from, the stop itself saves the last step; elsewhere the last save counts.
  const saves = point && !["lp", "lm"].includes(point.phase), kept = saves ? point : data && data.saved;
  const here = kept && kept.step && point && kept.phase === point.phase;
  const waiting = here ? t("train.stop_keep", { step: kept.step }) : t("train.stop");
  const look = { class: "btn", type: "button", id: "train-stop", disabled: Boolean(run.stopping) };
  const button = el("button", look, icon("stop"), run.stopping ? t("train.stopping") : waiting);
  return press(button, () => stop(run.id));
}

const beginWords = (run) => expected().same ? "train.again_seed" : run ? "train.again" : "train.start";

function buttonsOf(run, may, since) {
  const button = (id, primary, key) =>
    el("button", { class: primary ? "btn primary" : "btn", type: "button", id }, t(key));
  const over = isOver(run),
    begin = button("train-start", !over && (!run || since), beginWords(run));
  begin.disabled = !may;
  const found = [press(begin, () => pressHidden("train-go"))];
  if (over) {
    const again = press(button("train-resume", true, "train.resume"), () => resume(run.id));
    const why = obstacle(run.config.recipe, run.config.backbone);
    again.disabled = Boolean(why);
    again.title = why ? why.text : "";
    found.push(again);
  }
  if (run && run.status === "done") {
    const see = button("train-results", !since, "train.see_results");
    see.addEventListener("click", () => openResults(run.id));
    found.push(see);
  }
  return found;
}
