// How good the model is, and what that rests on.
import { see } from "../review/address.js";
import { app } from "../shell/app.js";
import { classMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { goTo } from "../shell/pages.js";
import { counted, t } from "../shell/text.js";
import { unlabeled } from "./next.js";
import { span } from "./trust.js";
import { between, canLook, classOf, high, isOpen, low, measuredOn, verdict } from "./words.js";

const SOME_CHECKS = 20; // what is suggested where there are none yet

export function figure(data) {
  const measured = data.measured;
  if (!measured) return notMeasured(data);
  const kind = measured.kind, left = unlabeled(app.state), more = kind === "check" && left > 0;
  const rests = {
    check: more ? "results.rests_check" : "results.rests_check_short",
    run: "results.rests_check_short",
    demo: "results.rests_demo",
    folders: "results.rests_folders",
    cv: "results.rests_cv",
  }[kind];
  return el(
    "section",
    { class: "part" },
    el("p", { class: "faint" }, t(`results.right_${kind}`)),
    el(
      "p",
      { class: "results-figure" },
      el("b", { id: "results-accuracy" }, fmt.pct(measured.accuracy)),
      rightOf(data),
    ),
    el("p", {}, t("results.likely"), " ", el("strong", {}, between(measured.interval)), "."),
    el(
      "p",
      { class: "small faint results-rests" },
      t(rests, { n: fmt.int(measured.n), more: fmt.int(measured.halve) }),
      " ",
      more
        ? el(
          "button",
          { class: "link", type: "button", onclick: () => askChecks(measured.halve) },
          t("results.more_check"),
        )
        : null,
    ),
    kind === "check" && data.uncounted
      ? el("p", { class: "small", id: "results-uncounted" }, counted("results.uncounted", data.uncounted))
      : null,
    data.also
      ? el(
        "p",
        { class: "small faint" },
        t(`results.also_${data.also.kind}`, {
          n: fmt.int(data.also.n),
          accuracy: fmt.pct(data.also.accuracy),
          low: low(data.also.interval[0]),
          high: high(data.also.interval[1]),
        }),
      )
      : null,
    data.also && data.also.verdict && data.also.verdict.kind === "worse"
      ? el("p", { class: "small results-also" }, verdict(data.also.verdict))
      : null,
    data.self_taught
      ? el("p", { class: "small faint" }, t("results.self_taught", { n: fmt.int(data.self_taught) }))
      : null,
    left && measured.kind !== "check" && measured.kind !== "run" ? checkNote() : null,
  );
}

// "46 of 100", which leads to these images where they can be looked at.
function rightOf(data) {
  const { right, n } = data.measured, words = t("results.of", { right: fmt.int(right), n: fmt.int(n) });
  if (!canLook(data) || !["check", "demo", "folders"].includes(data.measured.kind)) return el("span", {}, words);
  return el("button", {
    class: "link",
    type: "button",
    id: "results-look",
    title: t("review.open_right", { n: fmt.int(n) }),
    onclick: () => see(measuredOn(data)),
  }, words);
}

// The Select page opens with so many check images asked for and nothing else.
export function askChecks(n) {
  app.wish.checks = n;
  goTo("select");
  document.dispatchEvent(new CustomEvent("fs:select"));
}

function checkNote() {
  return el(
    "p",
    { class: "small" },
    el("button", { class: "link", type: "button", onclick: () => askChecks(SOME_CHECKS) }, t("results.some_check")),
  );
}

function notMeasured(data) {
  if (data.run.status !== "done") return null; // why there is nothing to measure stands above
  const waiting = data.predicted && isOpen(data.predicted);
  const own = data.on_training;
  return el(
    "section",
    { class: "part" },
    el(
      "p",
      { class: "results-figure none" },
      el("b", { id: "results-accuracy" }, waiting ? "–" : t("results.no_check_title")),
    ),
    waiting
      ? el("p", {}, t("results.predicting_soon"))
      : el("p", {}, data.checks ? t("results.no_answers", { n: fmt.int(data.checks) }) : t("results.no_check")),
    own && !waiting ? el("p", { class: "small faint" }, t("results.trained_on", own)) : null,
    waiting || data.checks || !unlabeled(app.state) ? null : checkNote(),
  );
}

// The name of a class, which leads to its images.
function nameOf(data, each) {
  if (!canLook(data)) return el("span", { class: "clip", title: each.name }, each.name);
  const filter = each.n ? { ...measuredOn(data), label: each.name } : { run: data.run.id, said: each.name };
  const title = t(each.n ? "review.open_class" : "review.open_said", { name: each.name });
  return el("button", { class: "link clip", type: "button", title, onclick: () => see(filter) }, each.name);
}

export function perClass(data) {
  if (!data.measured && !data.classes.length) return null; // a run that never had a model
  const listed = data.measured
    ? data.measured.classes
    : data.classes.map((each) => ({ ...each, n: 0, named: 0, found: 0 }));
  const rows = listed.map((each) =>
    el(
      "tr",
      {},
      el(
        "th",
        { scope: "row" },
        el(
          "span",
          { class: "results-class" },
          classMark(classOf(each.name)),
          nameOf(data, each),
        ),
      ),
      el(
        "td",
        { class: `num${each.n ? "" : " faint"}` },
        each.n ? t("results.one_of", { a: fmt.int(each.found), b: fmt.int(each.n) }) : t("results.none_checked"),
        span(each.recall, each.n),
      ),
      el(
        "td",
        { class: `num minor${each.named ? "" : " faint"}` },
        each.named ? t("results.one_of", { a: fmt.int(each.found), b: fmt.int(each.named) }) : "–",
        span(each.precision, each.named),
      ),
      el("td", { class: "num" }, fmt.int(each.labels)),
    )
  );
  const heads = [["class", ""], ["found", "num"], ["named", "num minor"], ["labels", "num"]];
  return el(
    "section",
    { class: "part" },
    el("h2", {}, t("results.per_class")),
    el(
      "table",
      { class: "results-classes" },
      el(
        "thead",
        {},
        el("tr", {}, heads.map(([key, kind]) => el("th", { scope: "col", class: kind }, t(`results.${key}`)))),
      ),
      el("tbody", {}, rows),
    ),
  );
}
