import assert from "node:assert/strict";
import { test } from "node:test";
import { verdict } from "./plots.js";

const DRAWS = { low: 0.4, mean: 0.5, high: 0.6 };

test("a small distance is good, much covered is good", () => {
  assert.deepEqual(verdict("mean", 0.3, DRAWS), { good: true, key: "select.better_all" });
  assert.deepEqual(verdict("covered", 0.7, DRAWS), { good: true, key: "select.better_all" });
  assert.deepEqual(verdict("mean", 0.45, DRAWS), { good: true, key: "select.better_some" });
});

test("what is no better is told, and where all choices are alike nothing is", () => {
  assert.deepEqual(verdict("mean", 0.55, DRAWS), { good: false, key: "select.not_better" });
  assert.deepEqual(verdict("worst", 0.7, DRAWS), { good: false, key: "select.worse_all_worst" });
  assert.equal(verdict("mean", 0.5, { low: 0.5, mean: 0.5, high: 0.5 }), null);
});
