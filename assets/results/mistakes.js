// The images that the model gets wrong.
import { see } from "../review/address.js";
import { classMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { thumbUrl } from "../shell/pictures.js";
import { t } from "../shell/text.js";
import { canLook, classOf, measuredOn } from "./words.js";

function mistake(each, names, data) {
  const truth = names[each.true], said = names[each.said], sure = fmt.pct(each.confidence, 0);
  const open = () => see({ ...measuredOn(data), is: "wrong", image: each.id });
  return el(
    "li",
    { class: "mistake" },
    el(
      "button",
      { type: "button", class: "thumb-open mistake-open", onclick: open },
      el("img", {
        class: "thumb",
        loading: "lazy",
        src: thumbUrl(each.id),
        alt: t("results.mistake_alt", { truth, said, sure }),
      }),
      el(
        "span",
        { class: "results-class" },
        classMark(classOf(truth)),
        el("span", { class: "clip", title: truth }, truth),
      ),
      el(
        "span",
        { class: "mistake-said" },
        el("span", { class: "clip", title: said }, t("results.said", { name: said })),
        el("span", { class: "num" }, sure),
      ),
    ),
  );
}

export function mistakes(data) {
  const measured = data.measured;
  if (!measured || measured.mistakes_total === null || measured.mistakes_total === undefined) return null;
  const total = measured.mistakes_total,
    shown = measured.mistakes.length,
    names = measured.classes.map((each) => each.name);
  const title = !total
    ? t("results.no_mistakes")
    : total === 1
    ? t("results.one_mistake")
    : t("results.mistakes", { n: fmt.int(total) });
  const help = !total
    ? t("results.no_mistakes_help", { n: fmt.int(measured.n) })
    : shown < total
    ? t("results.mistakes_some", { n: shown })
    : t("results.mistakes_help");
  return el(
    "section",
    { class: "part" },
    el(
      "div",
      { class: "results-line" },
      el("h2", { id: "results-mistakes" }, title),
      el("span", { class: "small faint" }, help),
      total > shown && canLook(data)
        ? el("button", {
          class: "btn slim",
          type: "button",
          id: "results-all-mistakes",
          onclick: () => see({ ...measuredOn(data), is: "wrong" }),
        }, t("review.open_mistakes", { n: fmt.int(total) }))
        : null,
    ),
    total ? el("ul", { class: "mistakes" }, measured.mistakes.map((each) => mistake(each, names, data))) : null,
  );
}
