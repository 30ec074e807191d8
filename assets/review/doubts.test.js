import assert from "node:assert/strict";
import { test } from "node:test";
import { setWords } from "../shell/text.js";
import { countIn, labelsIn, stillDoubted } from "../images/doubted.js";
import { ALL, matching } from "./filter.js";
import { wordsOf } from "./tile.js";
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

test("a changed label has no doubt of its own, nor has the image that shows the same; until it is undone", () => {
  /** @type {Map<number, any>} */
  const states = new Map([10, 11, 12, 13].map((id) => [id, { kind: "label", class: 5 }])), given = labelsIn(states);
  assert.equal(stillDoubted(found, given, states), found);
  states.set(10, { kind: "label", class: 6 });
  assert.deepEqual([10, 12, 13].map((id) => Boolean(doubtOf(stillDoubted(found, given, states), id))), [
    false,
    true,
    true,
  ]);
  states.set(10, { kind: "label", class: 5 }).delete(12);
  assert.deepEqual([10, 12, 13].map((id) => Boolean(doubtOf(stillDoubted(found, given, states), id))), [
    true,
    false,
    false,
  ]);
  assert.equal(stillDoubted(null, given, states), null);
  const images = new Set([10, 12, 13]), now = stillDoubted(found, given, states);
  assert.deepEqual([countIn("doubt-1", images, now), countIn("map-1", images, now), countIn("doubt-1", images, null)], [
    1,
    3,
    3,
  ]);
});

test("a doubted label is said with what it looks like; one that is left out or mended says what it is", () => {
  setWords({ "review.wrong": "is {name}", "review.tile_doubt": "looks like {other}", "review.right": "right" });
  const facts = { said: "tulip", sure: 0.4, truth: "rose", is: "wrong", state: { kind: "label", class: 5 } };
  const doubt = doubtOf(found, 10);
  assert.deepEqual(wordsOf({ ...facts, doubt }), ["is rose", "looks like tulip"]);
  assert.equal(wordsOf({ ...facts, truth: "tulip", is: "right" })[1], "right");
  assert.equal(wordsOf({ ...facts, state: { kind: "exclude", class: null }, doubt })[1], "label.state_exclude");
});

test("an odd image says why it is one, and what it is where somebody knows", () => {
  setWords({ "review.right": "right", "review.unknown": "no label" });
  const facts = { said: "rose", sure: 0.4, truth: "", is: "unknown", state: null };
  assert.equal(wordsOf(facts)[1], "no label");
  assert.equal(wordsOf({ ...facts, odd: "blurred" })[1], "blurred");
  assert.equal(wordsOf({ ...facts, truth: "rose", is: "right", odd: "blurred" })[1], "right, blurred");
  assert.equal(wordsOf({ ...facts, odd: "blurred", state: { kind: "exclude" } })[1], "label.state_exclude");
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
