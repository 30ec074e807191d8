import assert from "node:assert/strict";
import { test } from "node:test";
import { standIn } from "../shell/stand_ins.js";
import { forecastWords } from "./forecast.js";

standIn();
const told = (low, likely, high, more = 100) => forecastWords({ more, low, likely, high, open: 400 });

test("a forecast is told with its ends, and without what would be a nought", () => {
  assert.match(told(100, 200, 300), /finish\.forecast\b(?!_)/);
  assert.match(told(0, 200, 300), /forecast_from_none/);
  assert.match(told(0, 0, 300), /forecast_some/);
  assert.match(told(0, 0, 0), /forecast_none/);
  assert.match(told(400, 400, 400), /forecast_one/);
  assert.equal(told(0, 0, 0, 0), "");
});
