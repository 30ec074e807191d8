// How the labels of now differ from those that a run has learned from, in words.
import { counted, t } from "./text.js";

/** @param {{new: number, changed: number}} since as in app/routes/learned.py; one of them is not 0 */
export function sinceWords(since) {
  const parts = ["new", "changed"].filter((each) => since[each]);
  return t("train.since", { what: parts.map((each) => counted(`train.since_${each}`, since[each])).join(", ") });
}
