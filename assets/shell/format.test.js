import assert from "node:assert/strict";
import { before, test } from "node:test";
import { fmt } from "./format.js";
import { counted, decision, setWords, t } from "./text.js";

before(() =>
  setWords({
    "time.moment": "a moment",
    "time.seconds": "{n} s",
    "time.minutes": "{n} min",
    "time.minutes_seconds": "{m} min {s} s",
    "time.hours": "{h} h {m} min",
    "time.now": "now",
    "time.today": "today",
    "time.yesterday": "yesterday",
    "time.about": "about {time}",
    "images": "{n} images",
    "images_one": "one image",
    "decision.ff.interpolation": "Mixed weights",
    "decision.ff.interpolation.*": "{percent} %",
  })
);

test("numbers", () => {
  assert.deepEqual([fmt.int(1797), fmt.int(NaN), fmt.pct(0.775), fmt.pct(0.5, 0)], ["1,797", "–", "77.5 %", "50 %"]);
  assert.deepEqual([999, 1000, 2.4e6, 87e6, 3.2e12].map(fmt.bytes), ["999 B", "1.0 kB", "2.4 MB", "87 MB", "3.2 TB"]);
});

test("times", () => {
  const told = [0.5, 1, 59.4, 60, 61, 600, 3540, 3600, 5400, null].map((s) => fmt.time(s));
  assert.deepEqual(told, [
    ...["a moment", "1 s", "59 s", "1 min", "1 min 1 s", "10 min", "59 min", "1 h 0 min", "1 h 30 min", "–"],
  ]);
  assert.deepEqual([3, 44, 50, 130].map(fmt.about), ["about 5 s", "about 45 s", "about 1 min", "about 2 min"]);
});

test("days, also of a clock that was set back since, and over the change of summer time", () => {
  const at = (days, seconds = 0) => fmt.when(Date.now() / 1000 + days * 86400 + seconds);
  assert.deepEqual([at(0), at(0, -299), at(0, 200)], ["now", "now", "now"]);
  assert.match(at(400), /^\d+ [A-Z][a-z]+ \d{4}$/);
  assert.match(at(-400), /^\d+ [A-Z][a-z]+ \d{4}$/);
  assert.match(at(3), /^\d+ [A-Z]/);
  for (const hour of [0, 3, 12, 23]) {
    const then = new Date();
    then.setDate(then.getDate() - 1);
    then.setHours(hour, 1, 0, 0);
    if (Date.now() - then.getTime() > 300_000) assert.equal(fmt.when(then.getTime() / 1000), "yesterday");
  }
});

test("sentences", () => {
  assert.equal(t("none.here"), "none.here");
  assert.deepEqual([counted("images", 1), counted("images", 2000)], ["one image", "2,000 images"]);
  assert.deepEqual(decision("ff.interpolation", "0.5"), { title: "Mixed weights", value: "50\u00a0%" });
  assert.deepEqual(decision("new.one", "2364"), { title: "new.one", value: "2,364" });
  assert.deepEqual(decision("new.one", "x"), { title: "new.one", value: "x" });
});
