// How far the folder is: whose labels its images have, and what is to be known of that.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { counted, t } from "../shell/text.js";

/** @type {[string, string][]} */
const NAMES = [["person", "by_person"], ["model", "by_model"], ["aside", "aside"], ["open", "open"]];

/** 0.98 -> "98 %", 0.985 -> "98.5 %". */
export const percent = (goal) => `${Number((100 * goal).toFixed(1))} %`;

/** How many images a person has not answered, so that they can still be accepted, or become check images.
 *  @param {Pick<Finishing, "open" | "accepted">} data */
export const unlabeled = ({ open, accepted }) => Math.max(0, open) + accepted;

/** A bar of all images, and what its parts are.
 *  @param {Finishing} data */
export function meter(data) {
  const { person, accepted, aside, images } = data, open = Math.max(0, data.open);
  const parts = { person, model: accepted, aside, open };
  const part = ([kind, n]) =>
    el("i", { class: `finish-${kind}`, style: { width: `${(100 * n) / Math.max(1, images)}%` } });
  const key = ([kind, name]) =>
    el(
      "li",
      {},
      el("i", { class: `finish-${kind}`, "aria-hidden": "true" }),
      t(`finish.${name}`),
      el("b", { class: "num" }, fmt.int(parts[kind])),
    );
  const words = { person: fmt.int(person), accepted: fmt.int(accepted), aside: fmt.int(aside), open: fmt.int(open) };
  const bar = { class: "finish-bar", role: "img", "aria-label": t("finish.meter", words) };
  return [
    el("div", bar, Object.entries(parts).filter(([, n]) => n).map(part)),
    el("ul", { class: "finish-keys small" }, NAMES.filter(([kind]) => parts[kind] || kind === "open").map(key)),
  ];
}

/** What is accepted and by which run, and what does not count. shown: the number of the run that is shown.
 *  @param {Finishing} data
 *  @param {number} shown */
export function notes({ step, open, strange, leaks, unlike, gone, imported, refused, left_out }, shown) {
  const told = step && { n: fmt.int(step.images), goal: percent(step.goal), run: step.run };
  const lines = [
    step && t("finish.stands", told),
    step && step.older && t("finish.older", { run: step.run, shown }),
    open <= 0 && t("finish.done"),
    strange > 0 && counted("finish.strange", strange),
    leaks > 0 && counted("finish.leaks", leaks),
    unlike > 0 && counted("finish.unlike", unlike),
    gone > 0 && counted("finish.gone", gone),
    imported > 0 && counted("finish.imported", imported),
    refused > 0 && counted("finish.refused", refused),
    left_out > 0 && counted("finish.left_out", left_out),
  ];
  return lines.filter(Boolean).map((line) => el("p", { class: "small" }, line));
}
