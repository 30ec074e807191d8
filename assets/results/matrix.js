// The confusion matrix.
import { see } from "../review/address.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { counted, t } from "../shell/text.js";
import { canLook, measuredOn } from "./words.js";

const LETTER = 7.5; // px: where the matrix' headings do not fit side by side, they turn upright

function cell(count, most, right, open) {
  if (!count) return el("td", { class: "m-cell" });
  const share = Math.round(12 + 26 * (count / most));
  return el(
    "td",
    { class: `m-cell ${right ? "right" : "wrong"}`, style: right ? { "--share": `${share}%` } : {} },
    open ? el("button", { type: "button", class: "m-open", ...open }, fmt.int(count)) : fmt.int(count),
  );
}

// What a cell leads to: its images.
function opens(data, names, i, j, count) {
  if (!canLook(data)) return null;
  const words = counted("review.open_cell", count, { truth: names[i], said: names[j] });
  return {
    "aria-label": words,
    title: words,
    onclick: () => see({ ...measuredOn(data), label: names[i], said: names[j] }),
  };
}

export function matrix(data, width) {
  const measured = data.measured;
  const truth = measured && ["demo", "folders"].includes(measured.kind);
  const top = el(
    "div",
    { class: "results-line" },
    el("h2", {}, t("results.matrix")),
    measured
      ? el("span", { class: "small faint push" }, t(truth ? "results.matrix_truth" : "results.matrix_check"))
      : null,
  );
  const none = data.run.status !== "done" ? "undone" : data.checks ? "waits" : "none";
  if (!measured) {
    return el(
      "section",
      { class: "part" },
      top,
      el("p", { class: "small" }, t(`results.matrix_${none}`, { n: data.run.number })),
    );
  }
  const names = measured.classes.map((each) => each.name),
    most = Math.max(1, ...measured.confusion.map((row, i) => row[i]));
  const heads = names.map((name) => el("th", { scope: "col", title: name }, el("span", {}, name)));
  const rows = measured.confusion.map((row, i) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", title: names[i] }, el("span", { class: "clip" }, names[i])),
      row.map((count, j) => cell(count, most, i === j, opens(data, names, i, j, count))),
      el("td", { class: "m-sum" }, fmt.int(row.reduce((a, b) => a + b, 0))),
    )
  );
  const table = el(
    "table",
    {
      class: `matrix${
        names.length * (LETTER * Math.max(...names.map((name) => name.length)) + 10) > width - 200 ? " upright" : ""
      }${names.length > 24 ? " dense" : ""}`,
    },
    el("caption", { class: "sr" }, t("results.matrix")),
    el("thead", {}, el("tr", {}, el("td"), heads, el("th", { scope: "col", class: "m-sum" }, t("results.images")))),
    el("tbody", {}, rows),
  );
  return el(
    "section",
    { class: "part" },
    top,
    el("div", { class: "matrix-scroll", tabindex: "0", role: "region", "aria-label": t("results.matrix") }, table),
  );
}
