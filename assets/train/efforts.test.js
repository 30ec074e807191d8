import assert from "node:assert/strict";
import { test } from "node:test";
import { setWords } from "../shell/text.js";
import { timesAlike } from "./efforts.js";

setWords({ "time.about": "about {time}", "time.seconds": "{n} s", "time.minutes": "{n} min" });

test("where each effort takes the same time there is none to choose by", () => {
  assert.equal(timesAlike({ quick: 41, standard: 43, paper: 42 }), "about 45 s");
  assert.equal(timesAlike({ quick: 41, standard: 300 }), "");
  assert.equal(timesAlike({ quick: 41 }), "", "one alone stands with its name");
  assert.equal(timesAlike({}), "");
});
