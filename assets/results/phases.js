// What each phase reached, as dots on one axis.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { t } from "../shell/text.js";
import { between, verdict } from "./words.js";

export function phases(data) {
  if (!data.phases.length) return null;
  const last = data.phases.length - 1;
  const rows = data.phases.map((row, place) => {
    const track = el("div", { class: "dot-track" });
    if (row.interval) {
      track.append(
        el("i", {
          class: "bar",
          style: { left: `${100 * row.interval[0]}%`, width: `${100 * (row.interval[1] - row.interval[0])}%` },
        }),
        el("i", { class: "dot", style: { left: `${100 * row.accuracy}%` } }),
      );
    }
    const value = row.interval ? fmt.pct(row.accuracy) : "–";
    const title = row.interval
      ? between(row.interval)
      : t("results.train_accuracy", { accuracy: fmt.pct(row.train_accuracy) });
    return el(
      "li",
      { class: place === last ? "dot-row last" : "dot-row", title },
      el("span", { class: "clip" }, row.title),
      track,
      el("span", { class: "num" }, value),
    );
  });
  const measured = data.phases.some((row) => row.interval);
  const axis = el(
    "li",
    { class: "dot-row dot-axis", "aria-hidden": "true" },
    el("span"),
    el(
      "div",
      { class: "dot-track" },
      [0, 25, 50, 75, 100].map((value) => el("span", { style: { left: `${value}%` } }, String(value))),
    ),
    el("span"),
  );
  return el(
    "section",
    { class: "part" },
    el("h2", {}, t("results.phases")),
    measured ? el("ul", { class: "dots" }, rows, axis) : el("p", { class: "small" }, t("results.phases_none")),
    data.verdict
      ? el("p", { class: data.verdict.kind === "worse" ? "note warn" : "note" }, verdict(data.verdict))
      : null,
    data.decisions.length
      ? el(
        "details",
        { class: "results-decisions" },
        el("summary", {}, icon("chevron-right"), t("results.decided")),
        el(
          "ul",
          {},
          data.decisions.map((each) =>
            el(
              "li",
              { class: "small", title: `${each.name}: ${each.value}` },
              el("b", {}, each.words),
              each.reason ? ` (${each.reason})` : "",
            )
          ),
        ),
      )
      : null,
  );
}
