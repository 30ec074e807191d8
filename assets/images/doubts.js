// Labels that are likely wrong, as /x/KEY/suspects tells them (app/pages/results/suspects.py).
import { unpacked } from "../shell/binary.js";
import { api } from "../shell/server.js";

export const LIKE = 1, TWIN = 2; // it looks like another class; an image that shows the same has another label

let kept = { stamp: "", promise: null };

/** @param {ArrayBuffer} buffer */
export function readSuspects(buffer) {
  const { head, at } = unpacked(buffer), { n, classes, why } = head;
  const ids = new Int32Array(buffer, at, n), rows = new Map();
  ids.forEach((id, row) => rows.set(id, row));
  return {
    n,
    classes,
    why,
    ids,
    rows,
    twin: new Int32Array(buffer, at + 4 * n, n),
    doubt: new Uint16Array(buffer, at + 8 * n, n),
    other: new Uint16Array(buffer, at + 10 * n, n),
    kind: new Uint8Array(buffer, at + 12 * n, n),
  };
}

/** The suspects of the moment that a stamp names. */
export function loadSuspects(stamp) {
  if (kept.stamp !== stamp) {
    const promise = api("/suspects", undefined, { raw: true }).then(readSuspects);
    promise.catch(() => {
      if (kept.promise === promise) kept = { stamp: "", promise: null };
    });
    kept = { stamp, promise };
  }
  return kept.promise;
}

/** The images whose labels are likely wrong: those that show the same as another one first, then the most doubtful.
 *  @param {ReturnType<typeof readSuspects>} found */
export function suspected(found) {
  const rows = Array.from(found.ids.keys()).filter((row) => found.kind[row]);
  const key = (row) => (found.kind[row] === TWIN ? 1e6 : 0) + found.doubt[row];
  return rows.sort((a, b) => key(b) - key(a)).map((row) => found.ids[row]);
}

/** What speaks against the label of an image: {kind, other, share, twin}, or null. */
export function doubtOf(found, id) {
  const row = found ? found.rows.get(id) : undefined;
  if (row === undefined || !found.kind[row]) return null;
  const share = 1 - found.doubt[row] / 65535;
  return { kind: found.kind[row], other: found.classes[found.other[row]], share, twin: found.twin[row] };
}

/** The answers with how much each label is doubted, 0 where nobody has given one or nothing is said. */
export function withDoubts(view, found) {
  const doubt = new Uint16Array(view.n);
  found?.ids.forEach((id, row) => {
    const at = view.rows.get(id);
    if (at !== undefined) doubt[at] = found.kind[row] === TWIN ? 65535 : found.doubt[row];
  });
  return { ...view, doubt };
}

/** Labeled images, the most doubtful label first; those of which nothing is said come last, as they were.
 *  @param {ReturnType<typeof readSuspects> | null} found
 *  @param {number[]} ids */
export function mostDoubtful(found, ids) {
  const key = (id) => {
    const row = found ? found.rows.get(id) : undefined;
    return row === undefined ? -1 : found.kind[row] === TWIN ? 65536 : found.doubt[row];
  };
  return ids.map((id) => [key(id), id]).sort(([a], [b]) => b - a).map(([, id]) => id);
}
