// One image of the review's grid: its picture, what the model said, and what it truly is.
import { classMark, el, thumbUrl } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

/** Whether a label is shown with what speaks against it, in place of the model's answer. */
const isDoubted = ({ state, doubt = null }) => Boolean(doubt) && (!state || state.kind === "label");

/** What is known of an image in words. facts: {said, sure, truth, is, state}, classes by name, truth "" where nobody
 *  knows; state: the label store's. */
export function wordsOf({ said, sure, truth, is, state, doubt = null }) {
  const first = t("review.says", { name: said, sure: fmt.pct(sure, 0) });
  if (state && state.kind !== "label") return [first, t(`label.state_${state.kind}`)];
  if (isDoubted({ state, doubt })) { // what its label is, and what speaks against it
    return [
      t("review.wrong", { name: truth }),
      t(doubt.twin ? "review.tile_twin" : "review.tile_doubt", { other: doubt.other }),
    ];
  }
  return [first, t(`review.${is}`, { name: truth })];
}

/** @param {number} id */
export function makeTile(id) {
  const image = el("img", { src: thumbUrl(id), alt: "", draggable: "false" });
  const said = el("span", { class: "rv-said" }), is = el("span", { class: "rv-is" });
  const tile = el(
    "div",
    { class: "lg-tile rv-tile", role: "option", id: `rv-${id}` },
    el("span", { class: "lg-picture" }, image),
    said,
    is,
  );
  return Object.assign(tile, { fsId: id, fsPlace: 0, fsStamp: "", fsSaid: said, fsIs: is });
}

/** Write what is known below an image, where it is not written yet. classOf(name) -> the class with its colour. */
export function writeTile(tile, facts, classOf) {
  const [says, is] = wordsOf(facts), shown = classOf(isDoubted(facts) ? facts.truth : facts.said);
  const stamp = JSON.stringify([says, is, facts.is, shown.colour]);
  if (stamp === tile.fsStamp) return;
  tile.fsStamp = stamp;
  const words = isDoubted(facts) ? [says] : [facts.said, fmt.pct(facts.sure, 0)];
  const nodes = words.map((each, i) => el("span", { class: i ? "num" : "clip" }, each));
  tile.fsSaid.replaceChildren(classMark(shown), ...nodes);
  tile.fsIs.replaceChildren(is);
  tile.fsIs.className = `rv-is clip rv-${isDoubted(facts) ? "doubt" : facts.is}`;
  tile.title = `${says} ${is}`;
}
