import assert from "node:assert/strict";
import { test } from "node:test";
import { app } from "./app.js";
import { backbones, readBackbones, takeBackbones } from "./backbones.js";
import { standIn } from "./stand_ins.js";

standIn();
/** @param {boolean} busy
 *  @returns {Backbones} */
const answer = (busy) => ({
  backbones: [],
  busy,
  recommended: "a",
  reason: "here",
  proposed: "",
  finding: false,
  not_found: "",
});
const headers = { get: () => "application/json" };

test("one answer that is lost does not end the watch over a download", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const asked = [];
  const answers = [() => Promise.reject(new TypeError("no answer")), () => answer(false)];
  context.mock.method(globalThis, "fetch", async (address) => {
    asked.push(address);
    const body = await answers.shift()();
    return { ok: true, headers, json: () => Promise.resolve(body) };
  });
  app.state = null;
  takeBackbones(answer(true));
  context.mock.timers.tick(1500);
  await assert.rejects(readBackbones()); // the same question: the first answer does not come
  context.mock.timers.tick(1500);
  await new Promise((done) => setImmediate(done));
  assert.equal(asked.length, 2);
  assert.equal(backbones().busy, false);
});
