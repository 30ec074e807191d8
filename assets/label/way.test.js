import assert from "node:assert/strict";
import { test } from "node:test";
import { firstPlace, keepsPlace, nextOpen, nextSkipped, upcoming } from "./way.js";

const entry = (id, role = "pick") => ({ id, role });
const QUEUE = [entry(10), entry(11), entry(12), entry(20, "audit"), entry(21, "audit")];
const given = (answers) => (id) => answers[id] || "";

test("later images come first, then those that were passed by", () => {
  const answered = given({ 11: "label" });
  assert.equal(nextOpen(QUEUE, answered, 0), 2);
  assert.equal(nextOpen(QUEUE, answered, 2), 0);
});

test("check images come when all picks have an answer", () => {
  assert.equal(nextOpen(QUEUE, given({ 10: "label", 11: "skip", 12: "flag" }), 1), 3);
  assert.equal(nextOpen(QUEUE, given({ 10: "label", 12: "label" }), 1), 1, "one is left: the one that is shown");
});

test("work goes on at what is open, then at what was skipped, else at the end", () => {
  const all = { 10: "label", 11: "skip", 12: "label", 20: "label", 21: "label" };
  assert.equal(firstPlace(QUEUE, given({ 10: "label" })), 1);
  assert.equal(firstPlace(QUEUE, given(all)), 1);
  assert.equal(firstPlace(QUEUE, given({ ...all, 11: "label" })), 4);
  assert.equal(nextSkipped(QUEUE, given({}), 0), -1);
  assert.equal(nextOpen([], given({}), -1), -1);
});

test("a new round begins at its first open image, unless somebody is about to answer one", () => {
  const at = { round: true, open: false, looked: false, busy: false };
  assert.equal(keepsPlace(at), false);
  assert.equal(keepsPlace({ ...at, looked: true }), false, "the image that is shown has its answer");
  assert.equal(keepsPlace({ ...at, open: true }), false, "the page is asked for again");
  assert.equal(keepsPlace({ ...at, looked: true, open: true }), true);
  assert.equal(keepsPlace({ ...at, looked: true, busy: true }), true);
  assert.equal(keepsPlace({ ...at, round: false }), true);
});

test("the likeliest next image is loaded first", () => {
  const ids = upcoming(QUEUE, given({ 11: "label" }), 0).map((each) => each.id);
  assert.deepEqual(ids, [12, 11, 12, 20, 21]);
});
