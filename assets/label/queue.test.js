import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { OpsServer, settled, standIn } from "../shell/stand_ins.js";
import { OpQueue } from "./queue.js";

let storage, server, heard;
const open = () => {
  const told = {
    sync: () => {},
    answered: (answer) => heard.push(["answered", answer.last_seq]),
    refused: (words) => heard.push(["refused", words]),
  };
  return new OpQueue("p", told);
};
/** @returns {Op} */
const label = (item) => ({ kind: "label", item, class_id: 1 });
const items = (post) => post.ops.map((op) => op.item);

beforeEach(() => {
  storage = standIn();
  server = new OpsServer();
  heard = [];
});

test("one POST is in flight, what comes meanwhile goes with the next one, in order", async () => {
  const queue = open();
  for (let item = 1; item <= 5; item += 1) queue.send([label(item)]);
  assert.deepEqual(server.posts.map(items), [[1]]);
  await server.answer();
  assert.deepEqual(server.posts.map(items), [[1], [2, 3, 4, 5]]);
  assert.deepEqual(server.last.ops.map((op) => op.seq), [2, 3, 4, 5]);
  await server.answer();
  assert.equal(server.most, 1);
  assert.deepEqual(heard, [["answered", 1], ["answered", 5]]);
  assert.equal(queue.sync.waiting, 0);
});

test("ops that are given at once are one batch, named after its first op", async () => {
  const queue = open();
  queue.send([label(1)]);
  queue.send([label(2), label(3)]);
  await server.answer();
  assert.deepEqual(server.posts.flatMap((post) => post.ops.map((op) => op.batch)), [undefined, 2, 2]);
});

test("what waits is kept until the server has it", async () => {
  const queue = open(), name = `fact.ops.p.${queue.client}`;
  queue.send([label(7)]);
  assert.deepEqual(JSON.parse(storage[name]).map((op) => op.item), [7]);
  await server.answer();
  assert.equal(name in storage, false);
});

test("without an answer the same ops are sent again, later each time", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const queue = open();
  queue.send([label(1)]);
  await server.fail();
  assert.deepEqual([queue.sync.offline, queue.sync.waiting, server.posts.length], [true, 1, 1]);
  for (const wait of [500, 1000, 2000, 4000, 8000, 8000]) {
    mock.timers.tick(wait - 1);
    assert.equal(server.waiting.length, 0, `asked again before ${wait} ms`);
    mock.timers.tick(1);
    assert.equal(server.waiting.length, 1, `not asked again after ${wait} ms`);
    await server.fail();
  }
  mock.timers.tick(8000);
  await server.answer();
  assert.deepEqual(server.last.ops, server.posts[0].ops);
  assert.deepEqual([queue.sync.offline, queue.sync.waiting], [false, 0]);
  mock.timers.reset();
});

test("a busy project or a full disk is no refusal: its words are told, and the ops stay", async () => {
  const queue = open();
  queue.send([label(1)]);
  await server.answer({ what: "The disk is full", found: "", do: "Free some." }, 507);
  assert.equal(queue.sync.trouble, "The disk is full. Free some.");
  assert.deepEqual([queue.ops.length, heard], [1, []]);
  queue.destroy();
});

test("the one that is refused is found by sending them singly, and the others arrive", async () => {
  const queue = open();
  queue.send([label(1)]);
  for (const item of [2, 3]) queue.send([label(item)]);
  await server.answer();
  await server.answer({ what: "There is no such class" }, 400); // 2 and 3 together
  await server.answer({ what: "There is no such class" }, 400); // 2 alone
  await server.answer(); // 3 alone
  assert.deepEqual(server.posts.map(items), [[1], [2, 3], [2], [3]]);
  assert.deepEqual(heard, [["answered", 1], ["refused", "There is no such class"], ["answered", 3]]);
  assert.equal(queue.ops.length, 0);
});

test("back online it does not wait any longer", async () => {
  const queue = open();
  queue.send([label(1)]);
  await server.fail();
  queue.online();
  assert.equal(server.posts.length, 2);
  await server.answer();
  assert.equal(queue.sync.waiting, 0);
});

test("what a dead window left is sent under its own name; a living one's is left alone", async () => {
  storage = standIn({ locks: ["fact.ops.p.desk.alive"] });
  storage.setItem("fact.ops.p.desk.dead", JSON.stringify([{ seq: 4, ...label(9) }]));
  storage.setItem("fact.ops.p.desk.alive", JSON.stringify([{ seq: 1, ...label(8) }]));
  storage.setItem("fact.ops.other.desk.x", "[]");
  const adopting = open().adopt();
  await settled();
  assert.deepEqual([server.last.client, items(server.last)], ["desk.dead", [9]]);
  await server.answer();
  await adopting;
  assert.deepEqual(Object.keys(storage).filter((name) => name.startsWith("fact.ops")), [
    "fact.ops.p.desk.alive",
    "fact.ops.other.desk.x",
  ]);
});

test("what a dead window left stays when the server is away", async () => {
  storage.setItem("fact.ops.p.desk.dead", JSON.stringify([{ seq: 4, ...label(9) }]));
  const adopting = open().adopt();
  await settled();
  await server.fail();
  await adopting;
  assert.ok("fact.ops.p.desk.dead" in storage);
});
