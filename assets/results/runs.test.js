import assert from "node:assert/strict";
import { test } from "node:test";
import { standIn } from "../shell/stand_ins.js";
import { says } from "./runs.js";

standIn();
const row = (number, difference) => ({ run: { number }, against: difference === null ? null : { difference, n: 29 } });

test("a run that is right as often as the best is not passed over", () => {
  const top = row(3, null), even = row(1, 0), worse = row(2, -0.1);
  assert.match(says(top, top, [top, worse, even]), /runs_even/);
  assert.match(says(top, top, [top, worse]), /runs_is_best/);
});

test("a lead that may be chance is called so, of the run that comes nearest", () => {
  const top = row(3, null), runs = [top, row(2, -0.1), row(1, -0.03)];
  assert.match(says(top, top, runs), /runs_is_best.* results.runs_best_chance/);
  for (const each of runs.slice(1)) each.against.sure = true;
  assert.doesNotMatch(says(top, top, runs), /chance/);
});
