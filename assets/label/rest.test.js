import assert from "node:assert/strict";
import { test } from "node:test";
import { Rest } from "./rest.js";

test("the answer of the server is read class by class, the surest first", () => {
  let head = JSON.stringify({ classes: [[3, 2], [7, 1]], strange: 1 });
  head += " ".repeat((4 - head.length % 4) % 4);
  const buffer = new ArrayBuffer(4 + head.length + 4 * 4 + 3), at = 4 + head.length;
  new DataView(buffer).setUint32(0, head.length, true);
  new Uint8Array(buffer, 4, head.length).set(new TextEncoder().encode(head));
  new Int32Array(buffer, at, 4).set([12, 5, 8, 30]);
  new Uint8Array(buffer, at + 16, 3).set([255, 51, 102]);
  const rest = new Rest(buffer);
  assert.deepEqual(rest.list(3), [12, 5]);
  assert.deepEqual(rest.list(7), [8]);
  assert.deepEqual(rest.list(4), []);
  assert.deepEqual(rest.of(5), { class: 3, sure: 0.2 });
  assert.equal(rest.of(30), null);
  assert.deepEqual(rest.strange, [30]);
});
