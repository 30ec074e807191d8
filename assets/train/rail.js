// The rail over the charts: a cell a phase, as wide as its charts.
import { el } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { t } from "../shell/text.js";

function ball(phase, place) {
  if (phase.state === "done") return el("span", { class: "ball done" }, icon("check"));
  return el("span", { class: `ball ${phase.state}` }, String(place + 1));
}

function fact(phase) {
  if (phase.state === "done") {
    const whole = Math.max(1, Math.round(phase.seconds));
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  }
  if (phase.state === "running" && phase.steps) return t("train.step_of", { step: phase.step, steps: phase.steps });
  return "";
}

/** phases: figure.layout.meta.phases. */
export function railCells(phases) {
  return phases.map((phase, place) => {
    const part = phase.state === "done" ? 1 : phase.steps ? phase.step / phase.steps : 0;
    const bar = el("i", {}),
      cell = el(
        "li",
        { class: `rail-cell ${phase.state}` },
        el(
          "div",
          { class: "rail-line" },
          ball(phase, place),
          el("b", { class: "clip" }, phase.title),
          el("span", { class: "rail-fact" }, fact(phase)),
        ),
        el("div", { class: "meter" }, bar),
      );
    bar.style.width = `${100 * Math.min(1, part)}%`;
    cell.title = phase.help;
    cell.style.left = `${100 * phase.edges[0]}%`;
    cell.style.width = `${100 * (phase.edges[1] - phase.edges[0])}%`;
    return cell;
  });
}
