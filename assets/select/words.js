// How many images a button of the Select page is about, in words.
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

/** Images to label and check images. */
export function amounts(images, check) {
  const key = check ? "select.images_checks" : images === 1 ? "select.images_one" : "select.images";
  return t(key, { n: fmt.int(images), check: fmt.int(check) });
}

/** Whether all that was chosen has an answer. */
export const isAnswered = ({ labels: of }) => {
  const done = of ? of.picks_done + of.checks_done + of.skipped : 0;
  return done > 0 && done >= of.picks + of.checks;
};

/** The way to the Label page. */
export function toLabel(state, n) { // when labeling has begun: what is left of it
  const of = state.labels, begun = of && of.picks_done + of.checks_done > 0;
  const left = begun ? of.picks + of.checks - of.picks_done - of.checks_done - of.skipped : 0;
  if (isAnswered(state)) return t("select.label_done");
  if (left > 0) return t(left === 1 ? "select.label_rest_one" : "select.label_rest", { n: fmt.int(left) });
  return t(n === 1 ? "select.label_one" : "select.label_these", { n: fmt.int(n) });
}
