// The list of backbones, and whether their weights are here: one reader for all pages.
import { api } from "./server.js";

const AGAIN = 1500; // ms between two looks while weights are on their way
const listeners = new Set();
/** @type {Backbones | null} */
let known = null;
let asking = null, timer = null;

/** {backbones: [{name, title, ready, busy, bytes, ...}], busy, recommended}, or null before the first answer. */
export const backbones = () => known;

/** What is known of one backbone, or undefined. */
export const backboneOf = (name) => known?.backbones.find((each) => each.name === name);

/** Hear of every answer. Returns what ends it. */
export function onBackbones(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Ask now; again and again while weights are on their way. */
export async function readBackbones() {
  clearTimeout(timer);
  asking = asking || api("/x/backbones").finally(() => {
    asking = null;
  });
  takeBackbones(await asking);
}

/** Take an answer that came with something else.
 *  @param {Backbones} answer */
export function takeBackbones(answer) {
  known = answer;
  clearTimeout(timer);
  if (answer.busy) timer = setTimeout(readBackbones, AGAIN);
  for (const listener of [...listeners]) listener();
}
