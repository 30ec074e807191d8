// What each key does, for the help sheets.
import { el } from "../shell/dom.js";
import { t } from "../shell/text.js";

const ACTS = "give zero accept letters arrows skip undo redo flag exclude clear add view mark escape zoom sheet".split(
  " ",
);

export function keyList() {
  const line = (each) => [el("dt", {}, el("kbd", {}, t(`label.key_${each}`))), el("dd", {}, t(`label.does_${each}`))];
  return el("dl", { class: "lb-keys" }, ACTS.map(line));
}
