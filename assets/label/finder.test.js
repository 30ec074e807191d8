import assert from "node:assert/strict";
import { test } from "node:test";
import { matches } from "./finder.js";

const CLASSES = ["Oxeye daisy", "daisy", "Rose (wild)", "Sunflower", "Primrose", "wild_rose"].map((name) => ({ name }));
const found = (typed) => matches(CLASSES, typed).map(({ each }) => each.name);

test("the whole name comes first, then a beginning, then a word, then the middle", () => {
  assert.deepEqual(found("daisy"), ["daisy", "Oxeye daisy"]);
  assert.deepEqual(found("rose"), ["Rose (wild)", "wild_rose", "Primrose"]);
});

test("letters in order are enough, the closer together the better", () => {
  assert.deepEqual(found("sfl"), ["Sunflower"]);
  assert.deepEqual(found("oda"), ["Oxeye daisy"]);
  assert.deepEqual(found("xyz"), []);
});

test("large and small letters are the same, and nothing typed is everything in its order", () => {
  assert.deepEqual(found("PRIM"), ["Primrose"]);
  assert.deepEqual(found(""), CLASSES.map(({ name }) => name));
});
