import assert from "node:assert/strict";
import { test } from "node:test";
import { cell, csv } from "./csv.js";

test("a cell is quoted where it has to be", () => {
  assert.equal(cell("rose"), "rose");
  assert.equal(cell('a "b", c'), '"a ""b"", c"');
  assert.equal(cell("two\nlines"), '"two\nlines"');
});

test("what a spreadsheet would run is told apart, numbers are not", () => {
  assert.deepEqual(["=1+1", "'=1", "@x", "-a"].map(cell), ["'=1+1", "''=1", "'@x", "'-a"]);
  assert.deepEqual(["-5", "+1.5", "-", "5%"].map(cell), ["-5", "+1.5", "-", "5%"]);
  assert.equal(cell(-0.5), "-0.5");
});

test("a table has its mark, its head and one line a row", () => {
  assert.equal(csv(["file", "label"], [["a.jpg", "x"]]), "\ufefffile,label\na.jpg,x\n");
});
