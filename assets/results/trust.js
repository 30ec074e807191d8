// What a figure is worth: images that are nearly those trained on, and whether confidences are honest.
import { el } from "../shell/dom.js";
import { drawn } from "../shell/drawing.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { t } from "../shell/text.js";
import { high, low } from "./words.js";

const SIDE = 160; // of a diagram, in its own units
const DOT = 3, MOST_DOT = 8; // radius of a dot: of one that stands for next to no answers, and for most

/** That some of the images are nearly those that were trained on, or null. */
export function leak(data) {
  const words = leakWords(data);
  return words && el("p", { class: "note warn", id: "results-leak" }, words);
}

/** The words of that, or null. */
export function leakWords(data) {
  const more = data.measured && data.measured.more;
  if (!more || !more.leaks) return null;
  const found = t(more.leaks === 1 ? "results.leak_one" : "results.leak", {
    n: fmt.int(more.leaks),
    total: fmt.int(data.measured.n),
  });
  const clean = more.clean && t(more.leaks === 1 ? "results.leak_clean_one" : "results.leak_clean", {
    accuracy: fmt.pct(more.clean.accuracy),
    low: low(more.clean.interval[0]),
    high: high(more.clean.interval[1]),
    n: fmt.int(more.clean.n),
  });
  return [found, clean].filter(Boolean).join(" ");
}

/** Figures beside the accuracy, in a fold: macro F1, calibration, temperature, what the surest answers are worth. */
export function trust(data) {
  const more = data.measured && data.measured.more;
  if (!more) return null;
  const rows = figures(more, data).map((
    [name, value],
  ) => [el("dt", {}, t(`results.${name}`)), el("dd", {}, value)]);
  const unsure = data.unproved && data.unproved !== "kept";
  const tag = unsure ? el("span", { class: "tag warn" }, t("results.unproved")) : null;
  const title = el("summary", {}, icon("chevron-right"), t("results.trust"), tag);
  return el(
    "section",
    { class: "part" },
    el(
      "details",
      { class: "results-trust", id: "results-trust" },
      title,
      el("dl", { class: "facts" }, rows),
      more.temperature === null || more.temperature === undefined
        ? null
        : el("p", { class: "small" }, t("results.temperature_why")),
      more.bins.length ? reliability(more) : null,
      more.coverage.length ? coverage(more) : null,
    ),
  );
}

function figures(more, { honest, unproved }) {
  const known = (value) => value !== null && value !== undefined;
  const scaled = () => t("results.temperature_is", { by: more.temperature.toFixed(2), ece: fmt.pct(more.ece_scaled) });
  return [
    ["macro_f1", known(more.macro_f1) && fmt.pct(more.macro_f1)],
    ["groups", more.groups > 0 && t("results.groups_are", { n: fmt.int(more.groups) })],
    ["ece", known(more.ece) && t("results.ece_is", { ece: fmt.pct(more.ece), bins: more.ece_bins })],
    [
      "honest",
      honest
        ? t("results.honest_is", { by: honest.by.toFixed(2), n: fmt.int(honest.labels) })
        : unproved && t(`results.unproved_${unproved}`),
    ],
    ["temperature", known(more.temperature) && known(more.ece_scaled) && scaled()],
  ].filter(([, value]) => value);
}

/** A square with both axes from 0 to 1; marks in its units. words: what it shows, for those who cannot see it. */
function square(words, below, beside, marks) {
  const frame = drawn("rect", { x: 0, y: 0, width: SIDE, height: SIDE, class: "edge" });
  const lines = [0.25, 0.5, 0.75].flatMap((at) => [
    drawn("line", { x1: at * SIDE, x2: at * SIDE, y1: 0, y2: SIDE, class: "grid" }),
    drawn("line", { y1: at * SIDE, y2: at * SIDE, x1: 0, x2: SIDE, class: "grid" }),
  ]);
  // Room for half of the largest dot on each side, and beneath the words.
  const box = { viewBox: `-26 -${MOST_DOT + 1} ${SIDE + 38} ${SIDE + 38}`, role: "img", "aria-label": words };
  const ends = [0, 0.5, 1].flatMap((at) => [
    drawn("text", { x: at * SIDE, y: SIDE + 12, "text-anchor": "middle" }, String(100 * at)),
    drawn("text", { x: -5, y: SIDE * (1 - at) + 3, "text-anchor": "end" }, String(100 * at)),
  ]);
  const name = drawn("text", { x: SIDE / 2, y: SIDE + 23, "text-anchor": "middle", class: "name" }, below);
  const side = drawn("text", { x: 4, y: 10, class: "name" }, beside);
  return drawn("svg", box, ...lines, frame, ...marks, ...ends, name, side);
}

/** Above the diagonal answers are right more often than they claim. The size of a dot: how many answers. */
function reliability(more) {
  const most = Math.max(...more.bins.map((each) => each.n));
  const dots = (bins, kind) =>
    bins.map((each) => {
      const place = { cx: each.confidence * SIDE, cy: (1 - each.accuracy) * SIDE };
      const told = { n: fmt.int(each.n), sure: fmt.pct(each.confidence, 0), right: fmt.pct(each.accuracy, 0) };
      const title = drawn("title", {}, t("results.bin", told));
      return drawn("circle", { ...place, r: DOT + (MOST_DOT - DOT) * Math.sqrt(each.n / most), class: kind }, title);
    });
  const diagonal = drawn("line", { x1: 0, y1: SIDE, x2: SIDE, y2: 0, class: "diagonal" });
  const both = more.bins_scaled.length > 0;
  const marks = [diagonal, ...dots(more.bins_scaled, "scaled"), ...dots(more.bins, "as-is")];
  const picture = square(t("results.reliability_alt"), t("results.axis_sure"), t("results.axis_right"), marks);
  const key = (kind, name) => el("span", {}, el("i", { class: kind, "aria-hidden": "true" }), t(`results.${name}`));
  return el(
    "figure",
    {},
    el("figcaption", {}, t("results.reliability")),
    picture,
    both ? el("p", { class: "small results-keys" }, key("as-is", "as_is"), key("scaled", "after")) : null,
  );
}

function coverage(more) {
  const at = (each) => `${(each.share * SIDE).toFixed(1)},${((1 - each.accuracy) * SIDE).toFixed(1)}`;
  const line = drawn("polyline", { points: more.coverage.map(at).join(" "), class: "curve" });
  const half = more.coverage.find((each) => each.share >= 0.5) || more.coverage[0];
  const told = { share: fmt.pct(half.share, 0), right: fmt.pct(half.accuracy), sure: fmt.pct(half.confidence) };
  const words = t("results.coverage_half", told);
  return el(
    "figure",
    {},
    el("figcaption", {}, t("results.coverage")),
    square(words, t("results.axis_share"), t("results.axis_right"), [line]),
    el("p", { class: "small" }, words),
  );
}

/** "55 to 93 %" beneath a share of a class. */
export function span(interval, n) {
  if (!n || !interval) return null;
  return el("small", { class: "results-span" }, t("results.span", { low: low(interval[0]), high: high(interval[1]) }));
}
