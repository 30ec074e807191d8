import assert from "node:assert/strict";
import { test } from "node:test";
import { Layout } from "./layout.js";

function fitted(width) {
  const layout = new Layout();
  layout.fit(width);
  return layout;
}

test("images fill the width and stand side by side without a gap too much", () => {
  const layout = fitted(1032); // 1,000 px between the rims
  assert.equal(layout.columns, 8);
  assert.equal(layout.side, 118);
  assert.equal(layout.x(7) + layout.side <= 1032 - 16, true);
  assert.deepEqual([layout.x(8), layout.y(8) - layout.y(0)], [layout.x(0), layout.line]);
});

test("two columns at the least", () => {
  assert.equal(fitted(200).columns, 2);
});

test("only the rows on the screen are drawn, and two more above and below", () => {
  const layout = fitted(1032), top = 16 + 100 * layout.line;
  assert.deepEqual(layout.drawn(50000, top, 4 * layout.line), [98 * 8, 107 * 8]);
  assert.deepEqual(layout.drawn(10, 0, 500), [0, 10]);
});

test("whole rows count as seen, and none that was jumped over", () => {
  const layout = fitted(1032), high = 2.5 * layout.line;
  assert.equal(layout.seen(1000, 0, 0, high), 16);
  assert.equal(layout.seen(1000, 16, 20 * layout.line, high), 16, "rows in between were not on the screen");
  assert.equal(layout.seen(10, 0, 0, high), 10);
  assert.equal(layout.seen(1000, 0, 0, 10), 8, "the first row always is");
});

test("the image with the focus is brought on the screen", () => {
  const layout = fitted(1032), high = 3 * layout.line;
  assert.equal(layout.scrolled(0, 0, high), 0);
  assert.equal(layout.scrolled(0, 500, high), 0);
  assert.equal(layout.scrolled(8 * 5, 0, high), layout.y(8 * 5) + layout.line - high + 4);
});
