import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { OpsServer, settled, standIn } from "../shell/stand_ins.js";
import { OpQueue } from "./op_queue.js";

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
  assert.deepEqual(JSON.parse(storage[name]).ops.map((op) => op.item), [7]);
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

test("what is refused stays with its reason until the person has seen it and gives it up", async () => {
  const queue = open(), name = `fact.ops.p.${queue.client}`;
  queue.send([label(1)]);
  await server.answer({ what: "There is no such image" }, 400);
  assert.deepEqual(queue.refused.map(({ op, words }) => [op.item, words]), [[1, "There is no such image"]]);
  assert.deepEqual(JSON.parse(storage[name]).refused.map(({ op }) => op.item), [1]);
  queue.send([label(2)]);
  await server.answer();
  assert.deepEqual(JSON.parse(storage[name]).refused.map(({ op }) => op.item), [1], "a later answer forgets nothing");
  queue.dismiss();
  assert.deepEqual([queue.refused, name in storage], [[], false]);
});

test("what is refused is sent again when the person wants it, under a number of its own", async () => {
  const queue = open();
  queue.send([label(1)]);
  await server.answer({ what: "There is no such class" }, 400);
  queue.retry();
  assert.deepEqual(server.last.ops.map((op) => [op.seq, op.item, op.class_id]), [[2, 1, 1]]);
  await server.answer();
  assert.deepEqual([queue.ops, queue.refused], [[], []]);
});

test("only what was sent and is stored leaves the queue", async () => {
  const queue = open();
  queue.send([label(1)]);
  queue.send([label(2)]);
  await server.answer({ last_seq: 7 }); // of the first: a server that knows more of this client than was sent
  assert.deepEqual(items(server.last), [2]);
  await server.answer({ last_seq: 1 }); // the second was not stored
  assert.deepEqual([queue.ops.map((op) => op.item), queue.sync.offline], [[2], true]);
  queue.destroy();
});

test("another project in the place of ours, or none: nothing leaves, and the reason is told", async () => {
  const queue = open();
  queue.identity = "tulips";
  queue.send([label(1)]);
  assert.equal(server.last.project, "tulips");
  await server.answer({ what: "This project is not what it was" }, 410);
  assert.deepEqual([queue.ops.length, queue.sync.trouble], [1, "This project is not what it was"]);
  queue.online();
  await server.answer({ what: "The project's file is not there" }, 404);
  assert.deepEqual([queue.ops.length, queue.sync.trouble], [1, "The project's file is not there"]);
  queue.online();
  await server.answer();
  assert.deepEqual([queue.ops.length, queue.sync.trouble, heard], [0, "", [["answered", 1]]]);
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

test("what a dead window left is about its own project, and stays until that is back or it is given up", async () => {
  const left = { project: "tulips", ops: [{ seq: 4, ...label(9) }], refused: [] };
  storage.setItem("fact.ops.p.desk.dead", JSON.stringify(left));
  const queue = open();
  queue.identity = "roses";
  const adopting = queue.adopt();
  await settled();
  assert.equal(server.last.project, "tulips");
  await server.answer({ what: "This project is not what it was" }, 410);
  await adopting;
  assert.ok("fact.ops.p.desk.dead" in storage);
  assert.deepEqual(queue.strays.map(({ n, words, lost }) => [n, words, lost]), [
    [1, "This project is not what it was", true],
  ]);
  queue.dismiss();
  assert.equal("fact.ops.p.desk.dead" in storage, false);
  queue.destroy();
});

test("what was refused to a dead window is told by a living one", async () => {
  const left = { project: "", ops: [{ seq: 4, ...label(9) }, { seq: 5, ...label(8) }], refused: [] };
  storage.setItem("fact.ops.p.desk.dead", JSON.stringify(left));
  const queue = open(), adopting = queue.adopt();
  await settled();
  await server.answer({ what: "There is no such class" }, 400); // both
  await server.answer({ what: "There is no such class" }, 400); // 9 alone
  await server.answer(); // 8 alone
  await adopting;
  assert.deepEqual(queue.refused.map(({ op, words }) => [op.item, words]), [[9, "There is no such class"]]);
  assert.deepEqual(Object.keys(storage).filter((name) => name.startsWith("fact.ops")), [
    `fact.ops.p.${queue.client}`,
  ]);
});

test("what cannot be read is left where it lies", async () => {
  storage.setItem("fact.ops.p.desk.dead", "[{half an");
  await open().adopt();
  assert.equal(storage["fact.ops.p.desk.dead"], "[{half an");
});

test("what a dead window left stays when the server is away", async () => {
  storage.setItem("fact.ops.p.desk.dead", JSON.stringify([{ seq: 4, ...label(9) }]));
  const queue = open(), adopting = queue.adopt();
  await settled();
  await server.fail();
  await adopting;
  assert.ok("fact.ops.p.desk.dead" in storage);
  queue.destroy(); // it would ask again
});
