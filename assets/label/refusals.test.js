import assert from "node:assert/strict";
import { test } from "node:test";
import { Refusals } from "./refusals.js";

const found = (refused, classId) => [...refused.of.get(classId)];

test("what was marked wrong comes back with the step that is undone, and no other does", () => {
  const refused = new Refusals(), open = new Set();
  refused.add(1, [7, 8], 3);
  refused.add(1, [8, 9], 4); // 8 was refused before
  refused.add(2, [7], 5);
  refused.follow((id) => open.has(id));
  assert.deepEqual([found(refused, 1), found(refused, 2)], [[7, 8, 9], [7]]);
  open.add(4);
  refused.follow((id) => open.has(id));
  assert.deepEqual([found(refused, 1), found(refused, 2)], [[7, 8], [7]]);
  open.add(3).add(5);
  refused.follow((id) => open.has(id));
  assert.deepEqual([found(refused, 1), found(refused, 2)], [[], []]);
});
