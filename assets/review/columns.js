// The answers of a model, image by image, as /x/KEY/review tells them (app/pages/results/review.py).
import { unpacked } from "../shell/binary.js";
import { api } from "../shell/server.js";

const MOST = 2; // runs whose answers are kept: two can be looked at side by side
const kept = new Map(); // name -> promise, the newest last: the map and the grid show the same

/** Where each image stands: see ``packed`` in app/pages/results/review.py.
 *  @param {ArrayBuffer} buffer
 *  @returns {ReviewColumns} */
export function readColumns(buffer) {
  const read = unpacked(buffer), { n, ...head } = read.head;
  let { at } = read;
  const take = (Kind) => {
    const column = new Kind(buffer, at, n);
    at += column.byteLength;
    return column;
  };
  const ids = take(Int32Array), rank = take(Int32Array), rows = new Map();
  ids.forEach((id, row) => rows.set(id, row));
  const [said, sure, truth] = [0, 1, 2].map(() => take(Uint16Array));
  return { ...head, n, ids, rank, rows, said, sure, truth, part: take(Uint8Array) };
}

/** The answers of a run. key: what has to change before they can be others.
 *  @param {number} run
 *  @param {string} key
 *  @returns {Promise<ReviewColumns>} */
export function loadColumns(run, key) {
  const name = `${run}:${key}`;
  if (!kept.has(name)) {
    const promise = api(`/review?run=${run}`, undefined, { raw: true }).then(readColumns);
    promise.catch(() => kept.get(name) === promise && kept.delete(name));
    kept.set(name, promise);
    if (kept.size > MOST) kept.delete(kept.keys().next().value);
  }
  return kept.get(name);
}
