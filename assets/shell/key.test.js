import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { keyed, keys, onNewKey, sendKey } from "./key.js";
import { makeStorage } from "./stand_ins.js";

let storage, asked;
const put = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });

beforeEach(() => {
  storage = makeStorage();
  storage.setItem("fact-studio.key", JSON.stringify({ page: "p1", pictures: "i1" }));
  asked = [];
  put("localStorage", storage);
  put("location", new URL("http://127.0.0.1:7860/?p=0a#label"));
  put("fetch", (url, init) => asked.push([String(url?.url ?? url), new Headers(init?.headers).get("x-fact-studio")]));
});

test("the keys are those that lie in the browser now", () => {
  assert.deepEqual(keys(), { page: "p1", pictures: "i1" });
  storage.setItem("fact-studio.key", JSON.stringify({ page: "p2", pictures: "i2" }));
  assert.equal(keys().page, "p2");
});

test("none, or what is no JSON, is no key and no error", () => {
  for (const left of ["", "{", "null", "[]", '"x"']) {
    storage.setItem("fact-studio.key", left);
    assert.deepEqual([keys().page, keys().pictures], ["", ""]);
  }
  storage.removeItem("fact-studio.key");
  assert.equal(keyed("/x/a/thumb/1"), "/x/a/thumb/1?s=");
});

test("an address gets the key of pictures, and a newer one in place of an older", () => {
  assert.equal(keyed("/x/a/thumb/1"), "/x/a/thumb/1?s=i1");
  assert.equal(keyed("/x/a/image/1?max=512"), "/x/a/image/1?max=512&s=i1");
  assert.equal(keyed("/x/a/image/1?max=512&s=i0"), "/x/a/image/1?max=512&s=i1");
});

test("our own requests carry the page's key, nobody else's do", () => {
  sendKey();
  fetch("/x/app");
  fetch(new URL("http://127.0.0.1:7860/gradio_api/queue/data?a=1"));
  fetch("http://127.0.0.1:7860/x/0a/ops", { method: "POST", headers: { "Content-Type": "application/json" } });
  fetch("http://127.0.0.1:1234/x/app");
  fetch("https://example.org/x/app");
  fetch("/assets/index.js");
  fetch("blob:http://127.0.0.1:7860/x/1");
  assert.deepEqual(asked.map(([, key]) => key), ["p1", "p1", "p1", null, null, null, null]);
});

test("what a request says besides stays", () => {
  const seen = [];
  put("fetch", (_, init) => seen.push(init));
  sendKey();
  fetch("/x/a", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}", keepalive: true });
  fetch(new Request("http://127.0.0.1:7860/x/a", { headers: { accept: "text/plain" } }));
  const [first, second] = seen;
  assert.deepEqual([first.method, first.body, first.keepalive], ["POST", "{}", true]);
  assert.equal(first.headers.get("content-type"), "application/json");
  assert.equal(second.headers.get("accept"), "text/plain");
});

test("a new key is heard, another entry is not", () => {
  /** @type {any} */
  let listener = null;
  let heard = 0;
  put("addEventListener", (_, heardBy) => (listener = heardBy));
  onNewKey(() => heard += 1);
  listener({ key: "fs-person" });
  listener({ key: "fact-studio.key" });
  assert.equal(heard, 1);
});
