import assert from "node:assert/strict";
import { test } from "node:test";
import { coloured, fitted, nameFor } from "./figure.js";

const line = { x: [1, 2], y: [0.9, 0.5], line: { color: "var(--ink-3)" }, marker: { sizes: [4, 6] } };
function figure() {
  const panel = (edges, more) => ({ edges, origin: 0, ends: true, panel: "", ...more });
  const meta = {
    phases: [{ state: "done", edges: [0, 0.5] }, { state: "todo", edges: [0.5, 1] }],
    panels: [panel([0, 0.5], { last: 10 }), panel([0.5, 1], { last: 30, origin: 10, ends: false, panel: "solver" })],
    rows: { loss: [0.56, 1], accuracy: [0, 0.44] },
  };
  const axes = { xaxis: { tickvals: [1, 10] }, xaxis2: {}, xaxis3: {}, xaxis4: {}, yaxis: { range: [0, 1] } };
  return { data: [line], layout: { margin: { l: 62, r: 38 }, meta, ...axes } };
}
const OPTIONS = {
  words: (first) => (first ? "next" : "later"),
  named: (panel, short) => (short ? "short" : `The ${panel}, in words`),
};
const css = (value) => `<${value}>`;
const wide = (width) => fitted(figure(), { width, height: 300 }, OPTIONS, css).layout;

test("data are drawn as Python computed them; only colours are filled in", () => {
  const { data, layout } = fitted(figure(), { width: 1100, height: 300 }, OPTIONS, css);
  assert.deepEqual(data, [{ ...line, line: { color: "<var(--ink-3)>" } }]);
  assert.deepEqual(layout.yaxis, { range: [0, 1] });
  assert.deepEqual([layout.width, layout.height], [1100, 300]);
});

test("behind the last step there is room for a value, in px, whatever the window", () => {
  for (const width of [600, 1100, 2100]) {
    const layout = wide(width), px = (width - 100) / 2;
    const [from, to] = layout.xaxis.range;
    assert.ok(Math.abs(((to - 10) / (to - from)) * px - 46) < 1e-6, `${width}`);
    assert.deepEqual(layout.xaxis3.range, layout.xaxis.range, "the row below has the same steps");
    assert.ok(((layout.xaxis2.range[1] - 30) / 20) * px < 5, "a panel that goes on needs none");
  }
  assert.deepEqual(wide(1100).xaxis.tickvals, [1, 10]);
});

test("what is drawn is a copy: the figure can be drawn again in another window", () => {
  const given = figure();
  fitted(given, { width: 700, height: 300 }, OPTIONS, css);
  assert.deepEqual(given, figure());
});

test("a phase that has not begun says so in both rows", () => {
  const notes = wide(1100).annotations.filter((each) => each.text === "next");
  assert.deepEqual(notes.map((each) => [each.x, each.y]), [[0.75, 0.78], [0.75, 0.22]]);
});

test("a solver's name stands in one line, in two, or is the short one", () => {
  const name = "Pooled features, several rates";
  assert.equal(nameFor(400, name, "Pooled"), name);
  assert.equal(nameFor(100, name, "Pooled"), "Pooled features,<br>several rates");
  assert.equal(nameFor(60, name, "Pooled"), "Pooled");
});

test("colours are found wherever they stand, and nothing else is touched", () => {
  const given = { a: "var(--x)", b: [{ c: "var(--y)" }], d: null, e: "varied", f: [1, null] };
  assert.deepEqual(coloured(given, css), {
    a: "<var(--x)>",
    b: [{ c: "<var(--y)>" }],
    d: null,
    e: "varied",
    f: [1, null],
  });
});

test("the losses of solvers are folded away, their accuracies and those of the other phases are not", () => {
  const given = figure(), on = (yaxis) => ({ ...line, yaxis });
  given.data = [on("y"), on("y2"), on("y3"), on("y4")];
  const { data, layout } = fitted(given, { width: 1100, height: 300 }, { ...OPTIONS, folded: "under Details" }, css);
  assert.deepEqual(data.map((each) => each.visible !== false), [true, false, true, true]);
  const [note] = layout.annotations.filter((each) => each.text === "under Details");
  assert.deepEqual([note.x, note.y], [0.75, 0.78]);
  assert.ok(!layout.annotations.some((each) => each.text.includes("solver")), "nor are they named");
  const open = fitted(given, { width: 1100, height: 300 }, OPTIONS, css);
  assert.ok(open.data.every((each) => each.visible !== false));
});

test("where all losses are those of solvers, the accuracies have the whole height until they are unfolded", () => {
  const given = figure(), on = (name) => ({ ...line, xaxis: `x${name}`, yaxis: `y${name}` });
  given.layout.meta.panels.forEach((each) => (each.panel = "map"));
  given.layout.meta.phases = [{ state: "done", edges: [0, 1] }];
  Object.assign(given.layout, { xaxis3: { matches: "x" }, yaxis2: {}, yaxis3: { domain: [0, 0.44], range: [0, 1] } });
  given.data = ["", "2", "3", "4"].map(on);
  const { data, layout } = fitted(given, { width: 1100, height: 300 }, { ...OPTIONS, folded: "under Details" }, css);
  assert.deepEqual(data.map((each) => each.yaxis), ["y3", "y4"]);
  assert.deepEqual(layout.yaxis3, { domain: [0, 1], range: [0, 1] });
  assert.deepEqual([layout.xaxis, layout.yaxis, layout.xaxis2, layout.xaxis3.matches], Array(4).fill(undefined));
  assert.deepEqual(layout.annotations.map((each) => each.text), Array(2).fill("The map, in words"));
  assert.deepEqual(layout.margin.t, 24);
  const narrow = fitted(given, { width: 280, height: 300 }, { ...OPTIONS, folded: "under Details" }, css).layout;
  assert.deepEqual([narrow.annotations[0].text, narrow.margin.t], ["The map,<br>in words", 38]);
  const open = fitted(given, { width: 1100, height: 300 }, OPTIONS, css);
  assert.equal(open.data.length, 4);
  assert.deepEqual(open.layout.yaxis3.domain, [0, 0.44]);
});

test("an axis on which nothing is drawn has no numbers", () => {
  const given = figure(), on = (yaxis, y) => ({ ...line, y, yaxis });
  for (const name of ["xaxis", "xaxis2", "xaxis3", "xaxis4"]) given.layout[name] = { tickvals: [1, 10] };
  Object.assign(given.layout, { yaxis: { tickvals: [2] }, yaxis2: {}, yaxis3: { tickvals: [0, 1] }, yaxis4: {} });
  given.data = [on("y", []), on("y2", [null, 0.3]), on("y3", [0.5]), on("y4", [])];
  const numbers = (options) => {
    const { layout } = fitted(given, { width: 1100, height: 300 }, { ...OPTIONS, ...options }, css);
    return ["xaxis", "xaxis2", "xaxis3", "xaxis4", "yaxis", "yaxis3"].map((name) => layout[name].tickvals.length);
  };
  assert.deepEqual(numbers({}), [0, 2, 2, 0, 1, 2]);
  assert.deepEqual(numbers({ folded: "under Details" }), [0, 0, 2, 0, 0, 2], "the solver's loss is not drawn");
});
