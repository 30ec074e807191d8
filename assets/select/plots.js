// Four small plots: how well the chosen images stand for the pool, beside random choices and other strategies.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

export const MEASURES = ["mean", "worst", "covered", "objective"]; // smaller is better, but for "covered"

/** A value of a measure as it is written. */
export const written = {
  covered: (v) => fmt.pct(v),
  objective: (v) => v.toFixed(2),
  mean: (v) => v.toFixed(3),
  worst: (v) => v.toFixed(3),
};

/** What is compared: this choice, the lot, and other strategies; title(strategy) is what the form calls it. */
export function rowsOf(found, compared, title) {
  const other = (result) => ({ kind: "other", name: title(result.strategy), values: result });
  return [
    { kind: "this", name: t("select.this_choice"), values: found.chosen },
    { kind: "lot", name: t("select.by_lot"), draws: found.random },
    ...[...compared.values()].reverse().map(other),
  ];
}

/** One plot: a line each row, and what it says of this choice. judged: whether it was to stand for the pool at all. */
export function plot(measure, rows, judged) {
  const span = (row) => row.draws ? [row.draws[measure].low, row.draws[measure].high] : [row.values[measure]];
  const all = rows.flatMap(span), least = Math.min(...all), most = Math.max(...all);
  const room = Math.max(most - least, 1e-6) * 0.06;
  const at = (value) => `${(100 * (value - least + room)) / (most - least + 2 * room)}%`;
  const says = !judged ? null : verdict(measure, rows[0].values[measure], rows[1].draws[measure]);
  return el(
    "section",
    { class: "sv-plot", "aria-label": t(`select.measure_${measure}`) },
    el("h3", {}, t(`select.measure_${measure}`)),
    el("p", { class: "small" }, t(`select.about_${measure}`)),
    el("ul", {}, rows.map((row) => line(measure, row, at))),
    says && el("p", { class: `small sv-says ${says.good ? "" : "sv-warn"}` }, t(says.key)),
  );
}

// One line: a name, a track with a dot (and the range of the draws), the value.
function line(measure, row, at) {
  const draws = row.draws && row.draws[measure], value = draws ? draws.mean : row.values[measure];
  const write = written[measure];
  const range = draws ? t("select.range", { low: write(draws.low), high: write(draws.high) }) : "";
  const dot = el("i", { class: `sv-dot sv-${row.kind}`, style: { left: at(value) } });
  const ends = () => ({ left: at(draws.low), right: `calc(100% - ${at(draws.high)})` });
  const band = draws && el("i", { class: "sv-range", style: ends() });
  return el(
    "li",
    { class: `sv-line sv-is-${row.kind}`, title: range || null },
    el("span", { class: "sv-name clip", title: row.name }, row.name),
    el("span", { class: "sv-track", "aria-hidden": "true" }, band, dot),
    el("b", {}, write(value)),
    range && el("span", { class: "sr" }, range),
  );
}

/** Whether a choice is better than the draws: {good, key of the sentence}, or null where every choice is the same. */
export function verdict(measure, ours, draws) {
  const sign = measure === "covered" ? -1 : 1;
  const [best, last] = sign > 0 ? [draws.low, draws.high] : [draws.high, draws.low];
  if (Math.abs(best - last) < 1e-6) return null;
  if (sign * ours < sign * best) return { good: true, key: "select.better_all" };
  if (sign * ours < sign * draws.mean) return { good: true, key: "select.better_some" };
  const worse = sign * ours > sign * last ? "select.worse_all" : "select.not_better";
  return { good: false, key: measure === "worst" ? `${worse}_worst` : worse };
}

/** Who is the best by each measure, of this choice and the others that were chosen to compare: name -> measures; where
 *  two are as good, "". Nothing where nothing was compared.
 *  @param {{kind: string, name: string, values?: any}[]} rows
 *  @returns {Map<string, string[]>} */
export function winners(rows) {
  const own = rows.filter((row) => row.values), found = new Map();
  if (own.length < 2) return found;
  for (const measure of MEASURES) {
    const sign = measure === "covered" ? -1 : 1, worth = (row) => sign * row.values[measure];
    const best = Math.min(...own.map(worth)), first = own.filter((row) => worth(row) - best < 1e-6);
    const name = first.length === 1 ? first[0].name : "";
    found.set(name, [...(found.get(name) || []), measure]);
  }
  return found;
}
