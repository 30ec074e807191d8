// What more labels would probably bring in accuracy, in words, and how good that forecast is.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { t } from "../shell/text.js";
import { high, low } from "./words.js";

/** The sentence for what /gain told. n: the run's number.
 *  @param {{more: number, low: number, likely: number, high: number}} told
 *  @param {number} n */
export const gainWords = (told, n) =>
  t("results.curve_ahead", {
    more: fmt.int(told.more),
    n,
    low: low(told.low),
    high: high(told.high),
    likely: Math.round(100 * told.likely),
  });

/** How good a forecast is, folded. how, about: keys of the line that is seen and of what it opens. */
export const howGood = (how = "results.curve_how", about = "results.curve_about") =>
  el(
    "details",
    {},
    el("summary", { class: "small" }, icon("chevron-right"), t(how)),
    el("p", { class: "small faint" }, t(about)),
  );
