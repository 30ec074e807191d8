// Who works here and with which backbone: kept in the browser.
import { app } from "./app.js";
import { keep, kept } from "./kept.js";

const FIRST = "tf_efficientnet_lite0";

/** The backbone that the person chose on the Project page, for this project. */
export function chosenBackbone(otherwise = FIRST) {
  return kept(`fs-backbone-${app.key}`) || app.state?.selection?.backbone || otherwise || FIRST;
}

export function chooseBackbone(name) {
  keep(`fs-backbone-${app.key}`, name);
  document.dispatchEvent(new CustomEvent("fs:backbone", { detail: name }));
}

/** Who labels here: the name goes into the history with each label; without one the computer's user does. */
export const person = () => kept("fs-person") || "";
export const setPerson = (name) => keep("fs-person", name);
