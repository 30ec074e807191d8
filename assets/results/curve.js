// Labels against accuracy: the runs that were measured, each with its interval, and what more labels would bring.
import { el } from "../shell/dom.js";
import { drawn } from "../shell/drawing.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";
import { gainWords, howGood } from "./ahead.js";
import { between } from "./words.js";

const WIDE = 420, HIGH = 150, LEFT = 30, BELOW = 30; // in its own units

/** Where a number of labels stands, 0 to 1. labels: of all points. One number alone stands in the middle. */
export function placeOf(labels) {
  const low = Math.min(...labels), high = Math.max(...labels);
  return (n) => (high > low ? 0.08 + 0.84 * (n - low) / (high - low) : 0.5);
}

/** The curve of what /compare told; null where no run was measured. The gains of the newest run open like a fan. */
export function curve({ runs, ahead }) {
  const known = runs.filter((row) => row.n && row.run.labels).sort((a, b) => a.run.id - b.run.id);
  const from = ahead.length ? known.find((row) => row.run.id === ahead[0].run) : null, gains = from ? ahead : [];
  if (!known.length || known.length + gains.length < 2) return null;
  const numbers = known.map((row) => row.run.labels).concat(gains.map((gain) => from.run.labels + gain.more));
  const at = placeOf(numbers), x = (n) => LEFT + at(n) * (WIDE - LEFT), y = (share) => 6 + (1 - share) * HIGH;
  const lines = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    drawn("line", { x1: LEFT, x2: WIDE, y1: y(share), y2: y(share), class: "grid" }),
    drawn("text", { x: LEFT - 4, y: y(share) + 3, "text-anchor": "end" }, String(100 * share)),
  ]);
  const below = [...new Set(numbers)].map((n) =>
    drawn("text", { x: x(n), y: HIGH + 19, "text-anchor": "middle" }, fmt.int(n))
  );
  const axis = drawn(
    "text",
    { x: (LEFT + WIDE) / 2, y: HIGH + BELOW + 2, "text-anchor": "middle", class: "name" },
    t("results.curve_labels"),
  );
  const box = { viewBox: `0 0 ${WIDE} ${HIGH + BELOW + 6}`, role: "img", "aria-label": t("results.curve_alt") };
  const marks = known.flatMap((row) => mark(row, x(row.run.labels), y)), open = from ? fan(from, gains, x, y) : [];
  return el(
    "figure",
    { class: "results-curve" },
    el("figcaption", {}, t("results.curve")),
    drawn("svg", box, ...lines, ...below, axis, ...open, ...marks),
    el("p", { class: "small" }, t("results.curve_help")),
    gains.map((gain) => el("p", {}, gainWords(gain, from.run.number))),
    gains.length ? howGood() : "",
  );
}

// Between what eight in ten cases lie, and the middle of them.
function fan(row, gains, x, y) {
  const start = row.right / row.n, points = [{ more: 0, low: 0, likely: 0, high: 0 }, ...gains];
  const spot = (gain, name) => `${x(row.run.labels + gain.more)},${y(Math.min(1, start + gain[name]))}`;
  const around = [...points.map((gain) => spot(gain, "high")), ...points.toReversed().map((gain) => spot(gain, "low"))];
  return [
    drawn("polygon", { points: around.join(" "), class: "ahead" }),
    drawn("polyline", { points: points.map((gain) => spot(gain, "likely")).join(" "), class: "likely" }),
  ];
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
