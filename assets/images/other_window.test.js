import assert from "node:assert/strict";
import { test } from "node:test";
import { keysMoved } from "./other_window.js";

/** @returns {ClassRow[]} */
const list = (...ids) => ids.map((id) => ({ id, name: `class ${id}`, colour: 0, key: "", count: 0, other: false }));
const withKey = (rows, id, key) => rows.map((each) => (each.id === id ? { ...each, key } : each));

test("no key means another class when one is added, renamed, or goes from the end", () => {
  const two = list(1, 2);
  assert.equal(keysMoved([], two), false);
  assert.equal(keysMoved(two, list(1, 2, 3)), false);
  assert.equal(keysMoved(two, two.map((each) => ({ ...each, name: "new" }))), false);
  assert.equal(keysMoved(two, list(1)), false);
});

test("keys mean other classes when one in between goes, comes back, or the order changes", () => {
  assert.equal(keysMoved(list(1, 2, 3), list(1, 3)), true);
  assert.equal(keysMoved(list(1, 3), list(1, 2, 3)), true);
  assert.equal(keysMoved(list(1, 2), list(2, 1)), true);
  const many = list(...Array.from({ length: 12 }, (_, n) => n + 1)), swapped = [...many];
  [swapped[10], swapped[11]] = [swapped[11], swapped[10]];
  assert.equal(keysMoved(many, swapped), false, "the eleventh has no key by its place");
});

test("a key of its own that goes over to another class has moved, one that is taken away has not", () => {
  const before = withKey(list(1, 2), 1, "x");
  assert.equal(keysMoved(before, withKey(list(1, 2), 2, "x")), true);
  assert.equal(keysMoved(before, list(1, 2)), false);
  assert.equal(keysMoved(list(1, 2), before), false);
});
