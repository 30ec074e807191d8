import assert from "node:assert/strict";
import { test } from "node:test";
import { Lasso, rowsInside, rowsOn } from "./lasso.js";
import { View } from "./view.js";

test("a box has four corners, wherever the pointer went in between", () => {
  const loop = new Lasso();
  loop.begin("box", 10, 20);
  loop.extend(70, 90);
  loop.extend(30, 50);
  assert.deepEqual(loop.end(), [[10, 20], [30, 20], [30, 50], [10, 50]]);
  assert.equal(loop.active, false);
});

test("a loop keeps its corners, but none closer than two pixels to the one before", () => {
  const loop = new Lasso();
  loop.begin("lasso", 0, 0);
  for (const [x, y] of [[1, 0], [2, 0], [2, 1.5], [2, 3]]) loop.extend(x, y);
  assert.deepEqual(loop.end(), [[0, 0], [2, 0], [2, 3]]);
});

test("a click is no loop", () => {
  const loop = new Lasso();
  loop.begin("lasso", 5, 5);
  assert.deepEqual(loop.end(), []);
  assert.equal(rowsInside([], new Float32Array(4), new View()).length, 0);
});

test("dots are taken where the loop fills their pixel", () => {
  const view = new View(), mask = new Uint8ClampedArray(4 * 4 * 4);
  view.resize(4, 4, 1);
  for (const [x, y] of [[1, 1], [2, 1]]) mask[4 * (y * 4 + x) + 3] = 255;
  mask[4 * (2 * 4 + 1) + 3] = 127; // not half
  const dots = new Float32Array([-0.5, 0.5, 0.5, 0.5, -0.5, -0.5, 1.5, 0.5, 9, 9]);
  assert.deepEqual([...rowsOn(mask, 4, 4, dots, view)], [0, 1]);
});
