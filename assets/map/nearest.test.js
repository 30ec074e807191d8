import assert from "node:assert/strict";
import { test } from "node:test";
import { sorted } from "./nearest.js";
import { normalised } from "./picture.js";

test("the nearest dot within reach is hit, or none", () => {
  const nearest = sorted(new Float32Array([0, 0, 0.5, 0, 0.52, 0, -1, -1]));
  assert.equal(nearest(0.49, 0.01, 0.1, null), 1);
  assert.equal(nearest(0.53, 0, 0.1, null), 2);
  assert.equal(nearest(0.2, 0.2, 0.1, null), -1);
  assert.equal(nearest(-1.02, -1.02, 0.1, null), 3, "at the rim, too");
});

test("dots that are not allowed are passed over", () => {
  const nearest = sorted(new Float32Array([0, 0, 0.05, 0]));
  assert.equal(nearest(0, 0, 0.1, (row) => row !== 0), 1);
  assert.equal(nearest(0, 0, 0.1, () => false), -1);
});

test("it finds what a search through all dots finds", () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 16807) % 2147483647;
    return (2 * seed) / 2147483647 - 1;
  };
  const xy = Float32Array.from({ length: 4000 }, random), nearest = sorted(xy);
  for (let i = 0; i < 200; i += 1) {
    const x = random(), y = random(), reach = 0.05;
    let best = -1, least = reach * reach;
    for (let row = 0; row < xy.length / 2; row += 1) {
      const far = (xy[2 * row] - x) ** 2 + (xy[2 * row + 1] - y) ** 2;
      if (far < least) [best, least] = [row, far];
    }
    assert.equal(nearest(x, y, reach, null), best);
  }
});

test("places are centred and keep their proportions", () => {
  const { xy, width, height } = normalised(new Float32Array([0, 0, 10, 0, 10, 5]));
  assert.deepEqual([...xy], [-1, -0.5, 1, -0.5, 1, 0.5]);
  assert.deepEqual([width, height], [2, 1]);
  assert.ok(normalised(new Float32Array([3, 3])).xy.every((value) => value === 0), "a single dot is in the middle");
});
