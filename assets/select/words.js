// How many images a button of the Select page is about, in words.
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

/** Images to label and check images. */
export function amounts(images, check) {
  const key = check ? "select.images_checks" : images === 1 ? "select.images_one" : "select.images";
  return t(key, { n: fmt.int(images), check: fmt.int(check) });
}

/** The way to the Label page. */
export function toLabel(state, n) { // when labeling has begun: what is left of it
  const of = state.labels, begun = of && of.picks_done + of.checks_done > 0;
  const left = begun ? of.picks + of.checks - of.picks_done - of.checks_done - of.skipped : 0;
  if (left > 0) return t(left === 1 ? "select.label_rest_one" : "select.label_rest", { n: fmt.int(left) });
  return t(n === 1 ? "select.label_one" : "select.label_these", { n: fmt.int(n) });
}
