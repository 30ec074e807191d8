// The places of the pool's dots. No data of the page passes through HTML here.
import { app } from "../shell/app.js";
import { unpacked } from "../shell/binary.js";
import { sorted } from "./nearest.js";

/** Centred, the longer side from -1 to 1: the map keeps its proportions on every page. */
export function normalised(xy) {
  const n = xy.length / 2, out = new Float32Array(xy.length);
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < n; i++) {
    x0 = Math.min(x0, xy[2 * i]);
    x1 = Math.max(x1, xy[2 * i]);
    y0 = Math.min(y0, xy[2 * i + 1]);
    y1 = Math.max(y1, xy[2 * i + 1]);
  }
  const half = Math.max(x1 - x0, y1 - y0, 1e-9) / 2, cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
  for (let i = 0; i < n; i++) {
    out[2 * i] = (xy[2 * i] - cx) / half;
    out[2 * i + 1] = (xy[2 * i + 1] - cy) / half;
  }
  return { xy: out, width: (x1 - x0) / half, height: (y1 - y0) / half };
}

const SPARSE = 8; // ids for each image from where on a flat table is mostly holes

// The binary route's answer: header, places, ids (see app/routes/maps.py).
const shared = new Map(); // address -> promise of a picture, shared by the pages

/** Which row an image has: get(id) -> row, or undefined. Ids are counted up, so a flat table holds a million at once.
 *  @param {Int32Array} ids */
export function rowsOf(ids) {
  const largest = ids.reduce((most, id) => Math.max(most, id), 0);
  if (largest > SPARSE * ids.length + SPARSE) return new Map(Array.from(ids, (id, row) => [id, row]));
  const table = new Int32Array(largest + 1).fill(-1);
  ids.forEach((id, row) => {
    table[id] = row;
  });
  return { get: (id) => (table[id] >= 0 ? table[id] : undefined) };
}

function read(bytes) {
  const { head, at: start } = unpacked(bytes);
  const ids = new Int32Array(bytes, start + head.n * 8, head.n);
  const places = normalised(new Float32Array(bytes, start, head.n * 2));
  let found = null; // sorted once somebody points at it, not before it is painted
  const nearest = (...asked) => (found ||= sorted(places.xy))(...asked);
  return { ...head, ...places, ids, rows: rowsOf(ids), nearest };
}

/** The picture of that key.
 *  @param {string} key
 *  @returns {Promise<Picture>} */
export function loadPicture(key) {
  const address = `/x/${app.key}/map?key=${encodeURIComponent(key)}`;
  if (!shared.has(address)) {
    const promise = fetch(address, { credentials: "same-origin" }).then(async (answer) => {
      if (!answer.ok) throw new Error(`map: ${answer.status}`);
      return read(await answer.arrayBuffer());
    });
    promise.catch(() => shared.delete(address));
    if (shared.size > 3) shared.delete(shared.keys().next().value);
    shared.set(address, promise);
  }
  return shared.get(address);
}
