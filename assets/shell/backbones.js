// The list of backbones, and whether their weights are here: one reader for all pages.
import { app } from "./app.js";
import { chosenBackbone } from "./person.js";
import { api } from "./server.js";

const AGAIN = 1500; // ms between two looks while weights are on their way
const OTHER = "timm:"; // what the name of a network begins with that is none of the listed ones
const listeners = new Set(), missed = new Set();
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
  asking = asking || askBackbones("/x/backbones").finally(() => {
    asking = null;
  });
  try {
    takeBackbones(await withChosen(await asking));
  } catch (problem) {
    if (known?.busy) again(); // one answer that is lost does not end the watch
    throw problem;
  }
}

function again() {
  clearTimeout(timer);
  timer = setTimeout(() => readBackbones().catch(() => {}), AGAIN);
}

/** The network that this project uses is in the list, too, where it was asked for on another computer.
 *  @param {Backbones} answer
 *  @returns {Promise<Backbones>} */
async function withChosen(answer) {
  const name = app.state ? chosenBackbone(answer.recommended) : "";
  if (!name.startsWith(OTHER) || missed.has(name) || answer.backbones.some((net) => net.name === name)) return answer;
  missed.add(name); // asked once: one that cannot be used says why where it is used
  return await askBackbones("/x/networks", { name }).catch(() => answer);
}

/** Ask for what answers with the list. Which one is proposed depends on how many images it has to look at.
 *  @param {string} address
 *  @param {object} [body]
 *  @returns {Promise<Backbones>} */
export function askBackbones(address, body) {
  return api(`${address}?images=${app.state?.counts?.pool ?? 0}`, body);
}

/** Take an answer that came with something else.
 *  @param {Backbones} answer */
export function takeBackbones(answer) {
  known = answer;
  clearTimeout(timer);
  if (answer.busy) again();
  for (const listener of [...listeners]) listener();
}
