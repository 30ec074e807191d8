// What each key does, for the help sheets.
import { clickLines, keySheet } from "../shell/help.js";
import { t } from "../shell/text.js";

const ACTS = "give zero accept letters arrows skip undo redo flag exclude clear add rename place view open".split(" ");
const LAST = "escape zoom sheet".split(" ");
/** @returns {[string, string][]} */
const lines = (acts) => acts.map((each) => [t(`label.key_${each}`), t(`label.does_${each}`)]);

export const keyList = () => keySheet([...lines(ACTS), ...clickLines(), ...lines(LAST)]);
