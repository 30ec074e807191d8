import assert from "node:assert/strict";
import { test } from "node:test";
import { isActive, shownOf } from "./runs.js";
import { high, low, lower, number, share } from "./words.js";

test("names within a sentence begin small, but for those that are not words", () => {
  assert.deepEqual(["LoRA finetune", "Linear probe", "L-BFGS"].map(lower), ["LoRA finetune", "linear probe", "L-BFGS"]);
});

test("what is not known is a dash", () => {
  assert.deepEqual([share(null), share(0.775), number(undefined), number(1.2345)], ["–", "77.5 %", "–", "1.23"]);
  assert.deepEqual([low(0.701), high(0.701)], [70, 71]);
});

/** @returns {any} */
const train = (id, status) => ({ id, kind: "train", status });
/** @returns {any} */
const state = (...runs) => ({ runs, run: null });

test("the run that works is shown; of those that wait the oldest", () => {
  const runs = [train(9, "queued"), train(7, "queued"), train(4, "done"), { id: 3, kind: "scan", status: "running" }];
  const scanning = state(...runs);
  assert.equal(shownOf(scanning, 4).id, 7);
  assert.equal(shownOf(state(train(9, "queued"), train(5, "running")), 0).id, 5);
  assert.equal(shownOf(state(train(9, "done"), train(4, "failed")), 4).id, 4);
  assert.equal(shownOf(state(train(9, "done"), train(4, "failed")), 0).id, 9);
  assert.equal(shownOf(null, 0), null);
  assert.deepEqual([isActive(null), isActive(train(1, "queued"))], [false, true]);
});
