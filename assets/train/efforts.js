// The efforts with the time that each takes here, under the field that names the chosen one.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { redraw } from "../shell/redraw.js";
import { t } from "../shell/text.js";
import { follow, tell } from "./follow.js";
import { pressHidden } from "./form.js";
import { trainRuns } from "./runs.js";
import { expected, formValues } from "./times.js";

const effort = { wanted: "", proposedIn: "" };

/** The values of these options under an effort, in their order. known: {values: effort -> option -> value of a
 *  backbone that nothing is known of, own: effort -> backbone -> the values that depend on it}. */
export function valuesOf(names, preset, backbone, known) {
  const values = { ...known.values[preset], ...(known.own[preset] || {})[backbone] };
  return names.map((name) => values[name]);
}

/** What Gradio's handler of the hidden button asks for: the effort, and its values. */
export const wantedEffort = (names, preset, backbone, known) => {
  const name = effort.wanted || preset;
  return [name, ...valuesOf(names, name, backbone, known)];
};

function take(name) {
  effort.wanted = name;
  pressHidden("train-effort");
}

// Whether the person has set something in the form: typed, or chosen from a list.
function isSet({ target, type, isTrusted }) {
  if (!isTrusted || !(target instanceof Element)) return false;
  return Boolean(target.closest(type === "input" ? "#train-form input" : "#train-form [role=option]"));
}

/** The piece "train-efforts". Before the first training the proposed effort is taken, once. */
export function trainEfforts(root) {
  let own = ""; // the project in which the person has set something: no effort is chosen over it
  const noteSet = (event) => {
    if (isSet(event)) own = app.key;
  };
  document.addEventListener("fs:page", tell); // what has changed meanwhile is asked for
  for (const kind of ["input", "mousedown"]) document.addEventListener(kind, noteSet, true);
  const off = follow(() => {
    const { efforts, proposed } = expected(), values = formValues(), state = app.state;
    const chosen = values ? values.preset : "", key = state && state.project ? state.project.key : "";
    root.hidden = !Object.keys(efforts).length;
    const choose = (name) => {
      own = app.key;
      take(name);
    };
    redraw(root, [efforts, proposed, chosen], () => list(efforts, proposed, chosen, choose));
    if (!proposed || !key || effort.proposedIn === key) return;
    effort.proposedIn = key;
    if (!trainRuns(state).length && chosen !== proposed && own !== app.key) take(proposed);
  });
  return () => {
    off();
    document.removeEventListener("fs:page", tell);
    for (const kind of ["input", "mousedown"]) document.removeEventListener(kind, noteSet, true);
  };
}

/** The time that all efforts take, in words; "" where there is something to choose by. efforts: name -> seconds. */
export function timesAlike(efforts) {
  const times = Object.values(efforts).map(fmt.about);
  return times.length > 1 && new Set(times).size === 1 ? times[0] : "";
}

function list(efforts, proposed, chosen, choose) {
  const button = (name) => {
    const text = t("train.effort", { title: t(`preset.${name}`), time: fmt.about(efforts[name]) });
    const look = {
      class: "train-effort",
      type: "button",
      "aria-pressed": String(name === chosen),
      dataset: { key: name },
    };
    const tag = el("span", { class: "tag", title: t("train.proposed_help") }, t("train.proposed"));
    return el("button", { ...look, onclick: () => choose(name) }, el("span", {}, text), name === proposed ? tag : "");
  };
  const names = Object.keys(efforts), alike = timesAlike(efforts);
  if (alike) return el("p", { class: "small" }, t("train.efforts_alike", { time: alike }));
  return el("div", { class: "train-efforts", role: "group", "aria-label": t("train.efforts") }, names.map(button));
}
