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

/** What Gradio's handler of the hidden button asks for. */
export const wanted = () => effort.wanted;

function take(name) {
  effort.wanted = name;
  pressHidden("train-effort");
}

/** The piece "train-efforts". Before the first training the proposed effort is taken, once. */
export function trainEfforts(root) {
  document.addEventListener("fs:page", tell); // what has changed meanwhile is asked for
  const off = follow(() => {
    const { efforts, proposed } = expected(), values = formValues(), state = app.state;
    const chosen = values ? values.preset : "", key = state && state.project ? state.project.key : "";
    root.hidden = !Object.keys(efforts).length;
    redraw(root, [efforts, proposed, chosen], () => list(efforts, proposed, chosen));
    if (!proposed || !key || effort.proposedIn === key) return;
    effort.proposedIn = key;
    if (!trainRuns(state).length && chosen !== proposed) take(proposed);
  });
  return () => {
    off();
    document.removeEventListener("fs:page", tell);
  };
}

function list(efforts, proposed, chosen) {
  const button = (name) => {
    const text = t("train.effort", { title: t(`preset.${name}`), time: fmt.about(efforts[name]) });
    const look = {
      class: "train-effort",
      type: "button",
      "aria-pressed": String(name === chosen),
      dataset: { key: name },
    };
    const tag = el("span", { class: "tag", title: t("train.proposed_help") }, t("train.proposed"));
    return el("button", { ...look, onclick: () => take(name) }, el("span", {}, text), name === proposed ? tag : "");
  };
  const names = Object.keys(efforts);
  return el("div", { class: "train-efforts", role: "group", "aria-label": t("train.efforts") }, names.map(button));
}
