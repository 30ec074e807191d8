// A second run beside the one whose answers are shown: what it says of each image.
import { app } from "../shell/app.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";
import { countIn } from "../images/doubted.js";
import { answerIn } from "./filter.js";

export const LINES = { one: 36, two: 54 }; // px below an image of the grid: two lines of words, or three

/** A training's number by its id, as people know it. */
export const numberOf = (run) => app.state?.runs.find((each) => each.id === run)?.number ?? "–";

/** What an image's facts say of both runs, {run, than: {run, said, sure, is}}; {} where only one is looked at.
 *  @param {ReviewColumns | null} other  the answers of the second run
 *  @param {{run: number, than: number}} runs
 *  @param {number} id
 *  @param {string} truth */
export function beside(other, runs, id, truth) {
  const found = other && runs.than ? answerIn(other, id, truth) : null;
  return found ? { run: numberOf(runs.run), than: { run: numberOf(runs.than), ...found } } : {};
}

/** What the list is that is shown, in words. only: {kept, list} of it. */
export function listWords(filter, run, only, doubts) {
  if (!only.kept) return t("review.list_gone");
  const n = fmt.int(countIn(filter.list, only.list, doubts)),
    runs = { run: numberOf(run), than: numberOf(filter.than) };
  return t(`review.list_${filter.list.split("-")[0]}`, { n, ...runs });
}
