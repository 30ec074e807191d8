// A selection under way, or how the last one ended.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { errorBox } from "../shell/notices.js";
import { redraw } from "../shell/redraw.js";
import { knows, t } from "../shell/text.js";

const PENDING = new Set(["queued", "running"]);

export const isPending = (run) => PENDING.has(run.status);

/** The selection that waits or works, or undefined. */
export const pendingRun = (state) => (state.runs || []).find((run) => run.kind === "select" && isPending(run));

/** What is done for it now, in words. */
export function stepText(state, run) {
  const active = state.run || run;
  const part = active.status === "queued" ? "select.run_queued" : `select.run_${active.kind}`;
  return knows(part) ? t(part) : t("select.run_select");
}

/** What is done for a selection, in the order in which it runs: [kind, done | now | todo]. */
export function stepsOf(state, run) {
  const before = (state.runs || []).filter((each) => each.parent === run.id || run.waits_for?.includes(each.id));
  const active = state.run ? state.run.id : 0;
  const stand = (each) => (each.status === "done" ? "done" : each.id === active ? "now" : "todo");
  const rows = before.sort((a, b) => a.id - b.id).map((each) => [each.kind, stand(each)]);
  return [...rows.filter(([kind]) => knows(`select.step_${kind}`)), ["select", stand(run)]];
}

const stepList = (steps) =>
  el(
    "ol",
    { class: "sl-steps", "aria-label": t("select.steps") },
    steps.map(([kind, stand]) =>
      el(
        "li",
        { class: `sl-step-${stand}`, "aria-current": stand === "now" ? "step" : null },
        stand === "done" ? icon("check") : "",
        t(`select.step_${kind}`),
      )
    ),
  );

/** Draw it into its place. */
export function drawRun(host, state, run) {
  const last = (state.runs || []).find((each) => each.kind === "select");
  const ended = last && ["failed", "stopped"].includes(last.status), begins = run && host.hidden;
  host.hidden = !run && !ended;
  if (host.hidden) return;
  if (!run) {
    redraw(host, [last.id, last.status, last.reason], () => ending(last));
    return;
  }
  const steps = stepsOf(state, run);
  const nodes = () => [
    steps.length > 1 ? stepList(steps) : el("span"),
    el("p", {}),
    el("div", { class: "meter" }, el("i", {})),
    el("p", { class: "small" }),
  ];
  redraw(host, [run.id, steps], nodes); // a number that moves is written into the same nodes
  if (begins) host.scrollIntoView({ block: "nearest" }); // on a phone the form may be scrolled
  const progress = state.run && state.run.progress, [, step, meter, rate] = host.children;
  const share = progress && progress.total ? Math.min(1, progress.done / progress.total) : 0;
  step.textContent = stepText(state, run);
  meter.firstChild.style.width = `${100 * share}%`;
  rate.textContent = progress ? factsOf(progress).join(", ") : "";
}

function ending(last) {
  const failed = last.status === "failed", what = t(failed ? "select.failed" : "select.stopped");
  return errorBox({ what, found: last.reason, do: t("select.retry") }, failed ? "bad" : "warn");
}

function factsOf({ done, total, unit, rate, seconds_left: left }) {
  const speed = { rate: rate >= 10 ? fmt.int(rate) : rate?.toFixed(1), unit }, facts = [];
  if (total) facts.push(t("run.progress", { done: fmt.int(done), total: fmt.int(total), unit }));
  if (rate >= 0.05) facts.push(t("select.rate", speed));
  if (left) facts.push(t("run.left", { time: fmt.about(left) }));
  return facts;
}
