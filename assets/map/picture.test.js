import assert from "node:assert/strict";
import { test } from "node:test";
import { rowsOf } from "./picture.js";
import { PlainLayer, stepOf, strengths } from "./plain.js";

test("an image is found by its number, whether these are counted up or scattered", () => {
  for (const ids of [Int32Array.of(1, 2, 3, 7, 9), Int32Array.of(5, 1000000, 2000000)]) {
    const rows = rowsOf(ids);
    assert.deepEqual(Array.from(ids, (id) => rows.get(id)), Array.from(ids.keys()));
    for (const id of [0, 4, 999999, 2000001, -1]) assert.equal(rows.get(id), undefined);
  }
  assert.equal(rowsOf(Int32Array.of()).get(1), undefined);
});

test("at rest all dots are drawn, and while they move no more than are drawn in time", () => {
  for (const n of [0, 1, 100000, 5000000]) assert.equal(stepOf(n, false), 1);
  assert.deepEqual([0, 1, 100000, 100001, 1000000].map((n) => stepOf(n, true)), [1, 1, 1, 2, 10]);
});

test("a dot that stands for several is as strong as they are upon each other", () => {
  assert.deepEqual([...strengths(1)], [...Array(256).keys()]);
  const two = strengths(2);
  assert.deepEqual([two[0], two[128], two[255]], [0, 192, 255]);
  assert.ok(two.every((each, a) => each >= a));
});

/** How many pixels of a picture of n dots side by side are painted, and whether dots were left out. */
function painted(n, moves) {
  const width = 1500, height = 1500, made = { data: null };
  const createImageData = (w, h) =>
    Object.assign(made, { width: w, height: h, data: new Uint8ClampedArray(4 * w * h) });
  const canvas = { width, height, getContext: () => ({ createImageData, putImageData() {} }) };
  const layer = new PlainLayer(canvas), places = new Float32Array(2 * n);
  for (let i = 0; i < n; i++) places.set([3 * ((i % 499) - 249), 3 * (Math.floor(i / 499) - 249)], 2 * i);
  layer.setPoints(places);
  layer.setColours(new Uint8Array(4 * n).fill(255));
  const left = layer.draw({ k: 1, ratio: 1, x: 0, y: 0 }, 0.6, moves);
  return { left, pixels: new Uint32Array(made.data.buffer).reduce((sum, each) => sum + (each ? 1 : 0), 0) };
}

test("what is left out of a picture that moves is drawn once it rests", () => {
  const rest = painted(200000, false), moves = painted(200000, true), few = painted(5000, true);
  assert.deepEqual([rest.left, moves.left, few.left], [false, true, false]);
  assert.ok(moves.pixels < 0.7 * rest.pixels, `${moves.pixels} of ${rest.pixels}`);
  assert.deepEqual(few, painted(5000, false));
});
