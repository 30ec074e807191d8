import assert from "node:assert/strict";
import { test } from "node:test";
import {
  END,
  endOf,
  firstList,
  isOpen,
  isRest,
  likeOf,
  listsOf,
  membersOf,
  NOT,
  stillOpen,
  UNLIKE,
} from "./grid_lists.js";

const ROSE = 1, TULIP = 2;
const LIKE = { [ROSE]: [5, 9, 3, 20], [TULIP]: [4] }; // surest first; 20 is a check image
const ODD = { lists: [{ kind: "dark", ids: [9, 4], values: [], twins: [] }] };
function world(states = {}) {
  const known = new Map(Object.entries(states).map(([id, state]) => [Number(id), state]));
  const entries = [3, 4, 5].map((id) => ({ id, role: "pick" })).concat([{ id: 20, role: "audit" }]);
  const store = {
    entries,
    classes: [{ id: ROSE, name: "rose" }, { id: TULIP, name: "tulip" }],
    states: known,
    counts: new Map([[TULIP, 1]]),
    items: new Map(entries.map((each) => [each.id, each])),
    isDone: (id) => known.has(id),
  };
  const suggest = { list: (each) => LIKE[each] || [] };
  const odd = () => ODD;
  Object.assign(store, { stateOf: (id) => known.get(id) || null });
  return { store, suggest, pool: () => [3, 4, 5, 9, 20], odd, rest: () => null, refused: new Map(), sure: true };
}
function leftBy(lists, strange) { // what a model left
  const of = new Map(lists), found = new Map(lists.flatMap(([each, ids]) => ids.map((id) => [id, { class: each }])));
  return { lists: of, found, strange, list: (each) => of.get(each) || [] };
}
const rose = { kind: "label", class: ROSE }, skip = { kind: "skip", class: null };

test("what looks like a class is in the order of how sure it is, or the other way round", () => {
  assert.deepEqual(membersOf(`like:${ROSE}`, world()), [5, 9, 3]);
  assert.deepEqual(membersOf(`like:${ROSE}`, { ...world(), sure: false }), [3, 9, 5]);
  assert.deepEqual(LIKE[ROSE], [5, 9, 3, 20], "the suggestions themselves stay as they are");
});

test("newer suggestions do not sort a list that somebody looks at", () => {
  const order = [3, 9, 20, 5], newer = { ...world({ 3: rose }), suggest: { list: () => [9, 5] } };
  assert.deepEqual(membersOf(`like:${ROSE}`, { ...newer, order }), [9, 5]);
  assert.deepEqual(
    membersOf(`like:${ROSE}`, { ...world(), order }),
    [3, 9, 5],
    "what is taken back has its place again",
  );
  assert.deepEqual(membersOf(`like:${ROSE}`, newer), [9, 5]);
});

test("check images, answered and refused ones are not in it", () => {
  const all = world({ 9: rose });
  assert.equal(isOpen(all.store, 20), false);
  assert.deepEqual(membersOf(`like:${ROSE}`, { ...all, refused: new Map([[ROSE, new Set([3])]]) }), [5]);
});

test("picks stand in the order of the queue, open images in that of the pool", () => {
  assert.deepEqual(membersOf("picks", world({ 4: rose })), [3, 5]);
  assert.deepEqual(membersOf("open", world({ 4: rose })), [3, 5, 9]);
});

test("a class lists its images, and what was passed by has a list of its own", () => {
  const all = world({ 4: rose, 5: skip, 9: { kind: "flag", class: null } });
  assert.deepEqual(membersOf(`class:${ROSE}`, all), [4]);
  assert.deepEqual(membersOf("skipped", all), [5, 9]);
});

test("the first list is the longest of what looks like a class", () => {
  const lists = listsOf(world());
  assert.deepEqual(lists.like.map(([name]) => name), [`like:${ROSE}`, `like:${TULIP}`]);
  assert.deepEqual(lists.given.map(([name]) => name), [`class:${TULIP}`]);
  assert.equal(firstList(lists), `like:${ROSE}`);
  assert.equal(firstList({ model: [], like: [] }), "picks");
});

test("an emptied list is none, and what is not as it looks has one of its own", () => {
  const all = { ...world({ 5: rose, 9: rose }), refused: new Map([[ROSE, new Set([3])]]) };
  assert.deepEqual(listsOf(all).like.map(([name]) => name), [`like:${TULIP}`, UNLIKE]);
  assert.deepEqual([membersOf(UNLIKE, all), membersOf(`like:${ROSE}`, all), likeOf(UNLIKE)], [[3], [], 0]);
  assert.equal(firstList(listsOf(all)), `like:${TULIP}`, "others have images");
});

test("what is selected on the map is a list", () => {
  const all = { ...world({ 5: rose }), picked: () => [9, 5] };
  assert.deepEqual(listsOf(all).map.map(([name]) => name), ["map"]);
  assert.deepEqual(membersOf("map", all), [9, 5]);
  assert.deepEqual(listsOf(world()).map, []);
});

test("what a model left comes first, with a list of what is like no class", () => {
  const all = { ...world({ 5: rose }), rest: () => leftBy([[TULIP, [9, 5]]], [3, 20]) };
  const lists = listsOf(all);
  assert.deepEqual(lists.model.map(([name, , n]) => [name, n]), [[`rest:${TULIP}`, 1], ["rest:strange", 0]]);
  assert.equal(firstList(lists), `rest:${TULIP}`);
  assert.deepEqual(membersOf(`rest:${TULIP}`, all), [9]);
  assert.deepEqual(membersOf("rest:strange", all), [3]);
  assert.deepEqual([likeOf(`rest:${TULIP}`), likeOf("rest:strange"), likeOf("open")], [TULIP, 0, 0]);
});

test("what was marked wrong leaves its list of the rest for one of its own", () => {
  const refused = new Map([[TULIP, new Set([9, 5])], [ROSE, new Set([3])]]);
  const left = leftBy([[ROSE, [4]], [TULIP, [9, 5]]], []), all = { ...world({ 5: rose }), rest: () => left, refused };
  assert.deepEqual(listsOf(all).model.map(([name]) => name), [`rest:${ROSE}`, NOT]);
  assert.deepEqual([membersOf(NOT, all), membersOf(`rest:${TULIP}`, all)], [[9], []]);
  assert.equal(firstList(listsOf({ ...all, ...world({ 4: rose, 5: rose }), rest: () => left, refused })), NOT);
  assert.deepEqual([isRest(NOT), likeOf(NOT), isRest(END)], [true, 0, false]);
});

test("each open image is in a list of the rest, whatever was marked wrong, but check images, which are counted", () => {
  const left = leftBy([[ROSE, [4, 5, 20]], [77, [9]]], [3]), refused = new Map([[ROSE, new Set([4])]]);
  const all = { ...world(), rest: () => left, refused };
  const found = listsOf(all).model.flatMap(([name]) => membersOf(name, all));
  assert.deepEqual(found.sort((a, b) => a - b), [3, 4, 5, 9], "also those of a class that is gone");
  assert.equal(stillOpen(left, all.store), 5);
  const done = world({ 3: rose, 4: rose, 5: rose, 9: skip });
  assert.deepEqual(listsOf({ ...done, rest: () => left, refused }).model, []);
  assert.equal(stillOpen(left, done.store), 1);
  assert.deepEqual(membersOf(END, all), []);
});

test("odd images are lists of their own, without what was left out, which is another one", () => {
  const out = { kind: "exclude", class: null }, left = world({ 9: out, 5: skip });
  const [[name]] = listsOf(left).strange;
  assert.deepEqual([name, membersOf("odd:dark", left), membersOf("odd:dark", world())], ["odd:dark", [4], [9, 4]]);
  assert.deepEqual([membersOf("excluded", left), membersOf("skipped", left)], [[9], [5]]);
  assert.ok(listsOf(left).rest.some(([each]) => each === "excluded"));
  assert.ok(!listsOf(world()).rest.some(([each]) => each === "excluded"));
});

test("what has a class comes as it was labeled, or by how much its label is doubted", () => {
  const all = world({ 3: rose, 5: rose, 9: rose, 4: skip });
  assert.deepEqual(membersOf(`class:${ROSE}`, all), [3, 5, 9]);
  const doubts = { rows: new Map([[5, 0], [9, 1]]), doubt: [10, 900], kind: [0, 1] };
  assert.deepEqual(membersOf(`class:${ROSE}`, { ...all, doubts }), [9, 5, 3]);
  assert.deepEqual(membersOf("skipped", { ...all, doubts }), [4]);
});

test("the grid leads to the check images, and at the end of the rest to what is open", () => {
  const { store } = world(), done = world({ 3: rose, 4: rose, 5: skip }).store;
  assert.equal(endOf("picks", 3, { left: 0, store }), null);
  assert.deepEqual(endOf("picks", 0, { left: 0, store: done }), {
    key: "grid.checks_open",
    n: 1,
    act: "openOnes",
    way: "grid.to_checks",
  });
  const all = world({ 3: rose, 4: rose, 5: skip, 20: rose }).store;
  assert.equal(endOf("picks", 0, { left: 0, store: all }), null);
  assert.equal(endOf("skipped", 0, { left: 0, store: done }), null);
  assert.deepEqual([endOf(END, 0, { left: 2, store }).act, endOf(END, 0, { left: 0, store }).act], [
    "openOnes",
    "results",
  ]);
});
