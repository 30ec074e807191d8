// One image of the review's grid: its picture, what the model said, and what it truly is.
import { classMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { thumbUrl } from "../shell/pictures.js";
import { t } from "../shell/text.js";

/** Whether a label is shown with what speaks against it, in place of the model's answer. */
const isDoubted = ({ state, doubt = null }) => Boolean(doubt) && (!state || state.kind === "label");

/** What is known of an image in words. facts: {said, sure, truth, is, state}, classes by name, truth "" where nobody
 *  knows; state: the label store's; odd: why it is odd, in words, where that is what it is looked at for; run, than:
 *  numbers and answers where two runs are held against each other. */
export function wordsOf({ said, sure, truth, is, state, doubt = null, odd = "", run = 0, than = null }) {
  const says = (who, each) => t("review.run_says", { n: who, name: each.said, sure: fmt.pct(each.sure, 0) });
  const first = than
    ? `${says(run, { said, sure })} ${says(than.run, than)}`
    : t("review.says", { name: said, sure: fmt.pct(sure, 0) });
  if (state && state.kind !== "label") return [first, t(`label.state_${state.kind}`)];
  if (isDoubted({ state, doubt })) { // what its label is, and what speaks against it
    return [
      t("review.wrong", { name: truth }),
      t(doubt.twin ? "review.tile_twin" : "review.tile_doubt", { other: doubt.other }),
    ];
  }
  const known = t(than && truth ? "review.wrong" : `review.${is}`, { name: truth });
  return [first, odd && is === "unknown" ? odd : odd ? `${known}, ${odd}` : known];
}

/** @param {number} id */
export function makeTile(id) {
  const image = el("img", { src: thumbUrl(id), alt: "", draggable: "false" });
  const said = el("span", { class: "rv-said" }), than = el("span", { class: "rv-said" });
  const is = el("span", { class: "rv-is" });
  const tile = el(
    "div",
    { class: "lg-tile rv-tile", role: "option", id: `rv-${id}` },
    el("span", { class: "lg-picture" }, image),
    said,
    than,
    is,
  );
  return Object.assign(tile, { fsId: id, fsPlace: 0, fsStamp: "", fsSaid: said, fsThan: than, fsIs: is });
}

/** Write what is known below an image, where it is not written yet. classOf(name) -> the class with its colour. */
export function writeTile(tile, facts, classOf) {
  const both = Boolean(facts.than), doubted = !both && isDoubted(facts);
  const [says, is] = wordsOf(doubted ? facts : { ...facts, doubt: null });
  const shown = classOf(doubted ? facts.truth : facts.said);
  const stamp = JSON.stringify([says, is, facts.is, shown.colour]);
  if (stamp === tile.fsStamp) return;
  tile.fsStamp = stamp;
  tile.fsThan.hidden = !both;
  if (both) {
    answerOf(tile.fsSaid, facts.run, facts, classOf);
    answerOf(tile.fsThan, facts.than.run, facts.than, classOf);
  } else {
    const words = doubted ? [says] : [facts.said, fmt.pct(facts.sure, 0)];
    const nodes = words.map((each, i) => el("span", { class: i ? "num" : "clip" }, each));
    tile.fsSaid.replaceChildren(classMark(shown), ...nodes);
  }
  tile.fsIs.replaceChildren(is);
  tile.fsIs.className = `rv-is clip rv-${both ? "truth" : doubted ? "doubt" : facts.is}`;
  tile.title = `${says} ${is}`;
}

/** One of two runs: its number, and its answer, which is struck through where it is wrong. */
function answerOf(host, run, { said, is }, classOf) {
  const who = el("span", { class: "rv-who" }, t("review.run", { n: run }));
  host.replaceChildren(who, classMark(classOf(said)), el("span", { class: `clip rv-answer-${is}` }, said));
}
