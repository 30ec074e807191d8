import assert from "node:assert/strict";
import { test } from "node:test";
import { standIn } from "../shell/stand_ins.js";
import { leakWords } from "./trust.js";

standIn();
const measured = (leaks) => ({
  measured: { n: 29, more: { leaks, clean: { accuracy: 0.9, interval: [0.8, 0.95], n: 29 - leaks } } },
});

test("one image that is like a training image is spoken of as one", () => {
  assert.match(leakWords(measured(1)), /leak_one.*leak_clean_one$/);
  assert.match(leakWords(measured(2)), /leak .*leak_clean$/);
  assert.equal(leakWords({ measured: { n: 29, more: { leaks: 0 } } }), null);
});
