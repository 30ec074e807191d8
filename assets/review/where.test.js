import assert from "node:assert/strict";
import { test } from "node:test";
import { pixelsOf } from "./where.js";

test("the stronger a cell, the more it covers; nothing covers nothing", () => {
  const pixels = pixelsOf([[0, 255], [51, 102]], [1, 2, 3]);
  assert.deepEqual([...pixels.slice(0, 4)], [1, 2, 3, 0]);
  assert.deepEqual([3, 7, 11, 15].map((at) => pixels[at]), [0, 200, 40, 80]);
  assert.equal(pixels.length, 16);
});
