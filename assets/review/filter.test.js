import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ALL,
  answerIn,
  countsOf,
  facets,
  judged,
  matching,
  NONE,
  readFilter,
  withLabels,
  writeFilter,
} from "./filter.js";

const ROSE = 0, TULIP = 1;
// image: 10 rose right, trained on; 11 rose said tulip, checked; 12 no label, said rose; 13 by folder tulip, said rose
const columns = (() => {
  const ids = Int32Array.of(10, 11, 12, 13), rows = new Map();
  ids.forEach((id, row) => rows.set(id, row));
  return {
    n: 4,
    kind: "folders",
    model: 2,
    classes: ["rose", "tulip"],
    ids,
    rows,
    rank: Int32Array.of(3, 2, 1, 0),
    said: Uint16Array.of(ROSE, TULIP, ROSE, ROSE),
    sure: Uint16Array.of(65535, 60000, 30000, 65000),
    truth: Uint16Array.of(NONE, NONE, NONE, TULIP),
    part: Uint8Array.of(1, 2, 0, 5),
  };
})();
const listed = [{ id: 5, name: "rose" }, { id: 6, name: "tulip" }, { id: 7, name: "weed" }].map((each) => ({
  ...each,
  colour: 0,
  key: "",
  count: 0,
  other: false,
}));
/** @type {Map<number, any>} */
const states = new Map([[10, { kind: "label", class: 5 }], [11, { kind: "label", class: 5 }]]);
const view = withLabels(columns, states, listed), nothing = { find: null, list: null };
const shown = (filter, only = nothing) =>
  Array.from(matching(view, { ...ALL, ...filter }, only), (row) => columns.ids[row]);

test("labels of now say what is right, and folders where there is no label", () => {
  assert.deepEqual([0, 1, 2, 3].map((row) => judged(view, row)), ["right", "wrong", "unknown", "wrong"]);
  assert.deepEqual([...view.labeled], [1, 1, 0, 0]);
  const weed = withLabels(columns, new Map([[12, { kind: "label", class: 7 }]]), listed);
  assert.equal(weed.classes[weed.truth[2]], "weed");
  assert.equal(judged(weed, 2), "wrong", "a class that the model does not know");
  assert.equal(columns.truth[2], NONE, "what was read is not changed");
});

test("the surest mistakes come first; then what nobody knows, then what is right", () => {
  assert.deepEqual(shown({}), [13, 11, 12, 10]);
  assert.deepEqual(shown({ by: "sure" }), [10, 13, 11, 12]);
  assert.deepEqual(shown({ by: "unsure" }), [12, 11, 13, 10]);
  assert.deepEqual(shown({ by: "name" }), [13, 12, 11, 10]);
});

test("each part of a filter leaves out, and all of them together", () => {
  assert.deepEqual(shown({ said: "rose" }), [13, 12, 10]);
  assert.deepEqual(shown({ label: "rose" }), [11, 10]);
  assert.deepEqual(shown({ label: "-" }), [12]);
  assert.deepEqual(shown({ is: "wrong" }), [13, 11]);
  assert.deepEqual(shown({ split: "check" }), [11]);
  assert.deepEqual(shown({ split: "open" }), [12]);
  assert.deepEqual(shown({ split: "accepted" }), [13]);
  assert.deepEqual(shown({ from: 50 }), [13, 11, 10]);
  assert.deepEqual(shown({ to: 50 }), [12]);
  assert.deepEqual(shown({ said: "rose", is: "wrong", split: "accepted" }), [13]);
  assert.deepEqual(shown({ said: "no such class" }), []);
  assert.deepEqual(shown({}, { find: new Set([11, 12]), list: new Set([12]) }), [12]);
});

test("the numbers beside the choices say what each would show", () => {
  const found = facets(view, { ...ALL, said: "rose" }, nothing);
  assert.deepEqual([...found.said], [3, 1, 0], "of the other class too");
  assert.deepEqual([[...found.label], found.none, found.is], [[1, 1, 0], 1, { right: 1, wrong: 1, unknown: 1 }]);
  assert.deepEqual(found.split, { trained: 1, check: 0, since: 0, accepted: 1, open: 1 });
});

test("the numbers are counted again where the list holds other images, and only where something is another", () => {
  const filter = { ...ALL, list: "differ-2" }, list = new Set([11, 13]), only = { find: null, list: new Set([10]) };
  const before = countsOf(null, view, filter, only), after = countsOf(before, view, filter, { find: null, list });
  assert.deepEqual([before.found.all, after.found.all], [1, 2], "the address was there before the images");
  assert.equal(countsOf(after, view, { ...filter, by: "name", image: 11 }, { find: null, list }), after);
  assert.notEqual(countsOf(after, { ...view }, filter, { find: null, list }), after, "labels are others");
});

test("an address says a filter, and what cannot be is left out of it", () => {
  const filter = { ...ALL, said: "a & b = ?", is: "wrong", from: 50, image: 17, by: "unsure" };
  const query = new URLSearchParams(writeFilter(filter));
  assert.deepEqual(readFilter(query), filter);
  assert.deepEqual([...query.keys()], ["see", "said", "is", "from", "by", "image"]);
  const wrong = readFilter(new URLSearchParams("see=1&by=x&split=toString&from=-3&to=900&image=a&run=1.5"));
  assert.deepEqual(wrong, ALL);
});

test("what a second run says of an image is right or wrong by the same truth", () => {
  const said = (id, truth) => Object.values(answerIn(columns, id, truth) || {});
  assert.deepEqual(said(10, "rose"), ["rose", 1, "right"]);
  assert.deepEqual(said(10, "weed"), ["rose", 1, "wrong"]);
  assert.deepEqual(said(10, ""), ["rose", 1, "unknown"]);
  assert.equal(answerIn(columns, 99, "rose"), null);
  assert.equal(readFilter(new URLSearchParams(writeFilter({ run: 3, than: 2 }))).than, 2);
});
