import assert from "node:assert/strict";
import { test } from "node:test";
import { verdict, winners } from "./plots.js";

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

test("the winner of each measure is named; nobody is where nothing was compared or two are as good", () => {
  const row = (name, mean, worst, covered, objective) => ({
    kind: "x",
    name,
    values: { mean, worst, covered, objective },
  });
  const lot = { kind: "lot", name: "lot" };
  assert.equal(winners([row("A", 1, 1, 1, 1), lot]).size, 0);
  const found = winners([row("A", 0.3, 0.9, 0.5, 2), lot, row("B", 0.4, 0.8, 0.6, 2)]);
  assert.deepEqual([...found], [["A", ["mean"]], ["B", ["worst", "covered"]], ["", ["objective"]]]);
});
