import assert from "node:assert/strict";
import { test } from "node:test";
import { standIn } from "../shell/stand_ins.js";
import { setWords } from "../shell/text.js";
import { oddOf, oddWords, twinOf, twinsOf, whyOdd } from "./odd.js";

standIn();
const list = (kind, ids, values = []) => ({ kind, ids, values, twins: [] });
const odd = {
  known: true,
  new: 0,
  n: 3,
  lists: [list("dark", [4, 7], [0.05, 0.06]), list("twin", [7, 9])],
  excluded: [],
};
/** @returns {{stateOf: (id: number) => Answer | null}} */
const storeOf = (...out) => ({ stateOf: (id) => (out.includes(id) ? { kind: "exclude", class: null } : null) });

test("a list goes on without what was left out, in its order", () => {
  assert.deepEqual(oddOf(odd, "dark", storeOf()), [4, 7]);
  assert.deepEqual(oddOf(odd, "dark", storeOf(4)), [7]);
  assert.deepEqual(oddOf(null, "dark", storeOf()), []);
});

test("all lists together hold each image once", () => {
  assert.deepEqual(oddOf(odd, "all", storeOf()), [4, 7, 9]);
});

test("an image says why it is there, in one list or in all", () => {
  assert.match(whyOdd(odd, 7), /odd.tile_dark.*, .*odd.tile_twin/);
  assert.match(whyOdd(odd, 7, "twin"), /^odd.tile_twin$/);
  assert.equal(whyOdd(odd, 1), "");
});

test("the sentence names the kinds that there are, with how many of each", () => {
  setWords({ "odd.found": "{n}: {kinds}.", "odd.kind_dark": "{n} dark", "odd.kind_twin": "{n} twins" });
  assert.equal(oddWords(odd, storeOf()), "3: 2 dark, 2 twins.");
  assert.equal(oddWords(odd, storeOf(4, 7)), "1: 1 twins.");
  setWords({});
});

test("what an image nearly repeats is known, and what repeats the same", () => {
  const lists = [{ ...list("twin", [7, 9, 12]), twins: [3, 3, 8] }], found = { ...odd, lists };
  assert.deepEqual([7, 9, 12, 3].map((id) => twinOf(found, id)), [3, 3, 8, 0]);
  assert.deepEqual(twinsOf(found, 7), [3, 9]);
  assert.deepEqual(twinsOf(found, 3), [7, 9]);
  assert.deepEqual(twinsOf(found, 5), []);
  assert.deepEqual(twinsOf(null, 7), []);
});
