import assert from "node:assert/strict";
import { test } from "node:test";
import { View } from "./view.js";

function fitted() {
  const view = new View();
  view.resize(800, 600, 1);
  view.fit(2, 1);
  return view;
}
const near = (got, wanted) => got.forEach((value, i) => assert.ok(Math.abs(value - wanted[i]) < 1e-6, `${got}`));

test("all of a picture is seen, with a rim", () => {
  const view = fitted();
  near(view.toScreen(-1, 0), [28, 300]);
  near(view.toScreen(1, 0), [772, 300]);
  near(view.toMap(400, 300), [0, 0]);
});

test("from the window to the picture and back is where one began", () => {
  const view = fitted();
  view.zoom(3, 100, 50);
  view.drag(-40, 25);
  const [x, y] = view.toMap(123, 456);
  near(view.toScreen(x, y), [123, 456]);
});

test("the place under the pointer stays where it is, and zooming ends somewhere", () => {
  const view = fitted(), before = view.toMap(200, 150);
  view.zoom(2.5, 200, 150);
  near(view.toMap(200, 150), before);
  view.zoom(1e9);
  assert.equal(view.k, 60 * view.k0);
  view.zoom(1e-9);
  assert.equal(view.k, 0.5 * view.k0);
});

test("a view outlives a reload, for a picture of the same kind", () => {
  const view = fitted();
  assert.equal(view.keepsake("umap"), null, "nothing is kept of a view that nobody moved");
  view.zoom(2, 10, 10);
  const kept = JSON.parse(JSON.stringify(view.keepsake("umap"))), other = fitted();
  other.recall(kept, "pca");
  assert.equal(other.moved, false);
  other.recall(kept, "umap");
  near([other.x, other.y, other.k], [view.x, view.y, view.k]);
  other.recall({ at: "umap", x: null, y: 0, k: 1 }, "umap");
  near([other.x], [view.x]);
});

test("the same size is no news", () => {
  const view = fitted();
  assert.equal(view.resize(800, 600, 1), false);
  assert.equal(view.resize(1, 600, 1), false);
  assert.equal(view.resize(801, 600, 1), true);
});
