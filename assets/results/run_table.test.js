import assert from "node:assert/strict";
import { test } from "node:test";
import { sorted } from "./run_table.js";

const row = (id, recipe, right, n) => ({
  run: { id, number: id, recipe, net: "", labels: 10 * id, preset: "", seconds: 100 - id },
  right,
  n,
  ended: id,
  against: null,
});
const rows = [row(1, "FACT", 8, 10), row(2, "Linear probe", 9, 10), row(3, "FACT+", 0, 0)];
const order = (by, up) => sorted(rows, by, up).map((each) => each.run.id);

test("each column sorts, both ways; what is not measured comes last of the accuracies", () => {
  assert.deepEqual(order("run", false), [3, 2, 1]);
  assert.deepEqual(order("accuracy", false), [2, 1, 3]);
  assert.deepEqual(order("recipe", true), [1, 3, 2]);
  assert.deepEqual(order("time", true), [3, 2, 1]);
  assert.deepEqual(order("against", true), [3, 2, 1], "equal ones: the newest first");
  assert.deepEqual(rows.map((each) => each.run.id), [1, 2, 3], "what was told is not changed");
});
