// Labels against accuracy: the runs that were measured, each with its interval. Nothing is forecast.
import { el } from "../shell/dom.js";
import { drawn } from "../shell/drawing.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";
import { between } from "./words.js";

const WIDE = 420, HIGH = 150, LEFT = 30, BELOW = 30; // in its own units

/** Where a number of labels stands, 0 to 1. labels: of all points. One number alone stands in the middle. */
export function placeOf(labels) {
  const low = Math.min(...labels), high = Math.max(...labels);
  return (n) => (high > low ? 0.08 + 0.84 * (n - low) / (high - low) : 0.5);
}

/** The curve of the rows of /compare; null with fewer than two runs that were measured. */
export function curve(rows) {
  const known = rows.filter((row) => row.n && row.run.labels).sort((a, b) => a.run.id - b.run.id);
  if (known.length < 2) return null;
  const labels = known.map((row) => row.run.labels), at = placeOf(labels);
  const x = (row) => LEFT + at(row.run.labels) * (WIDE - LEFT), y = (share) => 6 + (1 - share) * HIGH;
  const lines = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    drawn("line", { x1: LEFT, x2: WIDE, y1: y(share), y2: y(share), class: "grid" }),
    drawn("text", { x: LEFT - 4, y: y(share) + 3, "text-anchor": "end" }, String(100 * share)),
  ]);
  const numbers = [...new Set(labels)].map((n) =>
    drawn("text", { x: LEFT + at(n) * (WIDE - LEFT), y: HIGH + 19, "text-anchor": "middle" }, fmt.int(n))
  );
  const axis = drawn(
    "text",
    { x: (LEFT + WIDE) / 2, y: HIGH + BELOW + 2, "text-anchor": "middle", class: "name" },
    t("results.curve_labels"),
  );
  const box = { viewBox: `0 0 ${WIDE} ${HIGH + BELOW + 6}`, role: "img", "aria-label": t("results.curve_alt") };
  return el(
    "figure",
    { class: "results-curve" },
    el("figcaption", {}, t("results.curve")),
    drawn("svg", box, ...lines, ...numbers, axis, ...known.flatMap((row) => mark(row, x(row), y))),
    el("p", { class: "small" }, t("results.curve_help")),
  );
}

function mark(row, x, y) {
  const [low, high] = row.interval, accuracy = row.right / row.n;
  const title = t("results.curve_point", {
    n: row.run.number,
    labels: fmt.int(row.run.labels),
    accuracy: fmt.pct(accuracy),
    between: between(row.interval),
  });
  return [
    drawn("line", { x1: x, x2: x, y1: y(low), y2: y(high), class: "span" }),
    drawn("circle", { cx: x, cy: y(accuracy), r: 4 }, drawn("title", {}, title)),
  ];
}
