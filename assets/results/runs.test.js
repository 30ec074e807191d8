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
