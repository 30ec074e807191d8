// Words and looks that the parts of the Results page share.
import { app } from "../shell/app.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";
import { store } from "./store.js";

export const low = (value) => Math.floor(100 * value + 1e-9);
export const high = (value) => Math.ceil(100 * value - 1e-9);
export const between = (interval) => t("results.between", { low: low(interval[0]), high: high(interval[1]) });
export const classOf = (name) => { // one that is gone gets a place behind those that are there
  const listed = app.state.classes || [], place = () => store.data.classes.findIndex((each) => each.name === name);
  return listed.find((each) => each.name === name) || { name, colour: (listed.length + place()) % 36 };
};
export const isOpen = (run) => Boolean(run) && ["queued", "running"].includes(run.status);
export const busyWith = (kind) => (app.state.runs || []).find((run) => run.kind === kind && isOpen(run));

/** The last phase beside an earlier one. */
export function verdict(found) {
  const key = `results.${found.kind}${found.sure ? "_sure" : ""}`;
  return t(key, {
    n: fmt.int(found.n),
    phase: `“${found.phase}”`,
    than: `“${found.than}”`,
    accuracy: fmt.pct(found.accuracy),
    other: fmt.pct(found.other),
  });
}

/** The images that the figures of a run rest on, as the review finds them: check images, or those whose class the
 *  demo or the folders know. */
export const measuredOn = (data) => ({
  run: data.run.id,
  split: data.measured && ["demo", "folders"].includes(data.measured.kind) ? "open" : "check",
});

/** Whether there are answers to look at, one by one. */
export const canLook = (data) => Boolean(data.predicted && data.predicted.ready);
