import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { OpsServer, standIn } from "../shell/stand_ins.js";
import { LabelStore, openStore } from "./store.js";

const ROSE = 1, TULIP = 2;
let server, store;

beforeEach(() => {
  standIn();
  server = new OpsServer();
  store = new LabelStore(() => {});
  const plain = { colour: 0, key: "", count: 0, other: false };
  store.classes = [{ id: ROSE, name: "rose", ...plain }, { id: TULIP, name: "tulip", ...plain }];
});
const give = (item, each) => store.change(item, "label", each, 1.5);
const sent = () => server.posts.flatMap((post) => post.ops);
const kinds = () => sent().map((op) => [op.kind, op.item]);
const counts = () => [store.counts.get(ROSE) || 0, store.counts.get(TULIP) || 0];

test("a label is shown at once and counted", () => {
  assert.equal(give(7, ROSE), true);
  assert.deepEqual(store.stateOf(7), { kind: "label", class: ROSE });
  give(7, TULIP);
  assert.deepEqual(counts(), [0, 1]);
  assert.equal(store.isDone(7), true);
});

test("each image is counted once, picks and check images, chosen or not; those that are left out not at all", () => {
  store.entries = [{ id: 1, role: "pick" }, { id: 2, role: "pick" }, { id: 3, role: "audit" }];
  assert.deepEqual(store.tally(), { open: 3, label: 0, skip: 0, flag: 0 });
  give(1, ROSE);
  give(7, ROSE);
  store.change(2, "exclude", null, null);
  store.change(8, "flag", null, null);
  store.change(9, "exclude", null, null);
  assert.deepEqual(store.tally(), { open: 1, label: 2, skip: 0, flag: 1 });
});

test("what is so already is not said again", () => {
  give(7, ROSE);
  assert.equal(give(7, ROSE), false);
  assert.equal(store.change(8, "clear", null, null), false);
  assert.equal(store.undoable.length, 1);
});

test("undo takes back the newest step, redo does it again, and each is one op", async () => {
  give(1, ROSE);
  give(2, TULIP);
  assert.deepEqual(store.undo(), [2]);
  assert.equal(store.stateOf(2), null);
  assert.deepEqual(store.redo(), [2]);
  assert.deepEqual(store.stateOf(2), { kind: "label", class: TULIP });
  await server.answer();
  assert.deepEqual(kinds(), [["label", 1], ["label", 2], ["undo", 2], ["redo", 2]]);
});

test("undo gives an image back the label that it had before", () => {
  give(1, ROSE);
  give(1, TULIP);
  store.undo();
  assert.deepEqual(store.stateOf(1), { kind: "label", class: ROSE });
  assert.deepEqual(counts(), [1, 0]);
});

test("many images at once are one step", async () => {
  give(2, ROSE);
  assert.equal(store.changeMany([1, 2, 3], "label", ROSE, 1, "map"), 2, "one of them is a rose already");
  assert.deepEqual(store.undo().sort(), [1, 3]);
  assert.deepEqual(counts(), [1, 0]);
  await server.answer();
  const batches = sent().map((op) => op.batch);
  assert.deepEqual(batches, [undefined, 2, 2, 4, 4]);
});

test("a mark beside a label clears first, and the pair is undone together", async () => {
  give(1, ROSE);
  store.change(1, "flag", null, null);
  assert.deepEqual(store.stateOf(1), { kind: "flag", class: null });
  store.undo();
  assert.deepEqual(store.stateOf(1), { kind: "label", class: ROSE });
  await server.answer();
  assert.deepEqual(kinds(), [["label", 1], ["clear", 1], ["flag", 1], ["undo", 1], ["undo", 1]]);
});

test("something new ends what could be done again", () => {
  give(1, ROSE);
  store.undo();
  give(2, ROSE);
  assert.deepEqual(store.redo(), []);
});

test("an answer of the server never overrules what is still on its way", async () => {
  give(1, ROSE);
  give(1, TULIP);
  await server.answer({ states: { 1: { kind: "label", class: ROSE }, 2: { kind: "skip", class: null } } });
  assert.deepEqual(store.stateOf(1), { kind: "label", class: TULIP });
  assert.deepEqual(store.stateOf(2), { kind: "skip", class: null });
  await server.answer({ states: { 1: { kind: "label", class: TULIP } } });
  assert.equal(store.pending(), 0);
});

test("an op says which class the image had here", async () => {
  give(7, ROSE);
  give(7, TULIP);
  store.change(7, "flag", null, null);
  await server.answer();
  assert.deepEqual(sent().map((op) => [op.kind, op.was]), [
    ["label", 0],
    ["label", ROSE],
    ["clear", TULIP],
    ["flag", undefined],
  ]);
});

test("a label of another window that an answer took the place of comes back, and its step is gone", async () => {
  store.changeMany([1, 2], "label", ROSE, 1, "grid");
  await server.answer({ states: {} });
  store.giveBack({ 1: { kind: "label", class: TULIP, rows: 1 } });
  assert.deepEqual(store.stateOf(1), { kind: "label", class: TULIP });
  assert.deepEqual(store.stateOf(2), { kind: "label", class: ROSE });
  assert.deepEqual(kinds().slice(2), [["undo", 1]]);
  assert.deepEqual(store.undoable.map((step) => step.map(({ item }) => item)), [[2]]);
});

test("the pages of a window share one store until the last of them has closed it", () => {
  const heard = { label: 0, review: 0 };
  const label = openStore(() => heard.label++), review = openStore(() => heard.review++);
  assert.equal(label.store, review.store);
  label.store.changed("states");
  label.close();
  label.store.changed("states");
  assert.deepEqual(heard, { label: 1, review: 2 });
  assert.equal(label.store.gone, false);
  review.close();
  assert.equal(label.store.gone, true);
  const again = openStore(() => {});
  assert.notEqual(again.store, label.store);
  again.close();
});
