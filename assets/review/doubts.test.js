import assert from "node:assert/strict";
import { test } from "node:test";
import { ALL, matching } from "./filter.js";
import { doubtOf, LIKE, mostDoubtful, suspected, TWIN, withDoubts } from "../images/doubts.js";

const found = {
  n: 4,
  why: "",
  classes: ["rose", "tulip"],
  ids: Int32Array.of(10, 11, 12, 13),
  rows: new Map([[10, 0], [11, 1], [12, 2], [13, 3]]),
  twin: Int32Array.of(0, 0, 13, 12),
  doubt: Uint16Array.of(65535, 60000, 100, 200),
  other: Uint16Array.of(1, 1, 0, 1),
  kind: Uint8Array.of(LIKE, 0, TWIN, TWIN),
};

test("images that show the same come first, then the most doubtful; what is fine is not there", () => {
  assert.deepEqual(suspected(found), [13, 12, 10]);
});

test("why a label is doubted", () => {
  assert.deepEqual(doubtOf(found, 10), { kind: LIKE, other: "tulip", share: 0, twin: 0 });
  assert.equal(doubtOf(found, 12).twin, 13);
  assert.deepEqual([doubtOf(found, 11), doubtOf(found, 99), doubtOf(null, 10)], [null, null, null]);
});

test("every list of the review can be put into the order of doubt", () => {
  const ids = Int32Array.of(9, 10, 11, 12), rows = new Map([...ids].map((id, row) => [id, row])), n = 4;
  const flat = () => new Uint16Array(n);
  const view = withDoubts(
    {
      n,
      ids,
      rows,
      classes: ["rose", "tulip"],
      said: flat(),
      sure: flat(),
      truth: flat(),
      part: new Uint8Array(n),
      rank: new Int32Array(n),
    },
    found,
  );
  const order = matching(/** @type {any} */ (view), { ...ALL, by: "doubt" }, { find: null, list: null });
  assert.deepEqual([...order].map((row) => ids[row]), [10, 12, 11, 9]);
});

test("the most doubtful labels come first, those that nobody has judged last", () => {
  const judged = { ...found, doubt: Uint16Array.of(5, 40000, 1, 2), kind: Uint8Array.of(0, LIKE, TWIN, 0) };
  assert.deepEqual(mostDoubtful(judged, [99, 10, 11, 12, 13, 98]), [12, 11, 10, 13, 99, 98]);
  assert.deepEqual(mostDoubtful(null, [3, 1, 2]), [3, 1, 2]);
});
