// Doubts hold for the labels that they were worked out from: one that is another since has none until the next time.
import { doubtOf } from "./doubts.js";

/** Labels as they are, image -> class.
 *  @param {Map<number, Answer>} states
 *  @returns {Map<number, number>} */
export function labelsIn(states) {
  const labels = new Map();
  for (const [id, state] of states) if (state.kind === "label") labels.set(id, state.class);
  return labels;
}

/** The doubts without those of labels that are others now; where two images show the same, also of the other one.
 *  given: the labels that they were worked out from.
 *  @template {{ids: Int32Array, rows: Map<number, number>, kind: Uint8Array, twin: Int32Array}} Doubts
 *  @param {Doubts | null} found
 *  @param {Map<number, number>} given
 *  @param {Map<number, Answer>} states
 *  @returns {Doubts | null} */
export function stillDoubted(found, given, states) {
  if (!found) return null;
  const isSame = (id) => states.get(id)?.kind === "label" && states.get(id).class === given.get(id);
  const rows = new Map(
    [...found.rows].filter(([id, row]) => isSame(id) && (!found.twin[row] || isSame(found.twin[row]))),
  );
  return rows.size === found.rows.size ? found : { ...found, rows };
}

/** How many images a list has; of labels to look at again, those that nobody has changed meanwhile.
 *  @param {string} name
 *  @param {Set<number>} images */
export function countIn(name, images, doubts) {
  if (!doubts || !name.startsWith("doubt-")) return images.size;
  return Array.from(images).filter((id) => doubtOf(doubts, id)).length;
}
