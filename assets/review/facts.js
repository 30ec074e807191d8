// What stands beside an image at large: the model's answer, the label and the classes to give, what it is like.
import { sameBytes } from "../images/copies.js";
import { classMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { thumbUrl } from "../shell/pictures.js";
import { redraw } from "../shell/redraw.js";
import { counted, t } from "../shell/text.js";
import { ACCEPTED } from "./filter.js";

const CHECKED = [2, 4]; // the parts of check images, see app/pages/results/review.py

/** Fill the place beside the image. said: what was done last; back: an image of the list to go back to, or 0. */
export function facts(host, { id, look, owner, where, said, back }) {
  const known = owner.factsOf(id), classes = owner.store.classes;
  const seen = [where.on, where.busy, where.found];
  const key = [id, look, known, said, back, seen, classes.map(({ id, name, colour, key }) => [id, name, colour, key])];
  redraw(host, key, () => [
    el(
      "section",
      { class: "rv-fact" },
      el("h2", {}, known && known.than ? t("review.run_said", { n: known.run }) : t("review.said")),
      topOf(look, known, owner),
      known && known.than ? thanOf(known.than, owner) : null,
    ),
    where.on
      ? el("section", { class: "rv-fact", id: "rv-where" }, el("h2", {}, t("review.where")), where.words())
      : null,
    el(
      "section",
      { class: "rv-fact" },
      el("h2", {}, t("review.label_head")),
      labelOf(known, owner),
      look && look.copies.length ? el("p", { class: "small rv-same" }, sameBytes(look.copies)) : null,
      doubted(known, owner),
      done(said, owner),
      known && CHECKED.includes(known.part) ? el("p", { class: "note" }, t("review.check_note")) : null,
      classesOf(id, known, owner),
    ),
    el("section", { class: "rv-fact" }, el("h2", {}, t("review.near")), nearOf(look, known, owner)),
    back ? el("button", { class: "btn", type: "button", onclick: () => owner.go(back) }, t("review.return")) : null,
  ]);
}

function topOf(look, known, owner) {
  if (!look) return el("p", { class: "small faint" }, t("results.loading"));
  if (!look.top.length) return el("p", { class: "small faint" }, t("review.top_none"));
  const line = ([name, share], place) =>
    el(
      "li",
      { class: place ? "" : `rv-first rv-${known ? known.is : "unknown"}` },
      el("span", { class: "results-class" }, classMark(owner.classOf(name)), el("span", { class: "clip" }, name)),
      el("span", { class: "num" }, fmt.pct(share)),
      el("span", { class: "meter" }, el("i", { style: { width: `${100 * share}%` } })),
    );
  return el("ol", { class: "rv-top" }, look.top.map(line));
}

// What the run says that is held against it.
function thanOf({ run, said, sure, is }, owner) {
  const name = el(
    "span",
    { class: "results-class" },
    classMark(owner.classOf(said)),
    el("span", { class: "clip" }, said),
  );
  const mark = is === "unknown" ? "" : icon(is === "right" ? "check" : "x");
  return [
    el("h2", {}, t("review.run_said", { n: run })),
    el("p", { class: `results-class rv-is rv-${is}`, id: "rv-than" }, name, fmt.pct(sure), mark),
  ];
}

function labelOf(known, owner) {
  const state = known && known.state;
  if (state && state.kind !== "label") return el("p", {}, t(`label.state_${state.kind}`));
  const accepted = known && known.part === ACCEPTED ? "review.accepted" : "review.unlabeled";
  if (!known || !known.truth) return el("p", { class: "faint" }, t(accepted));
  if (!known.labeled) {
    return el("p", {}, t(owner.kind() === "demo" ? "review.true_demo" : "review.true_only", { name: known.truth }));
  }
  const right = known.is === "right";
  return el(
    "p",
    { class: `results-class rv-is rv-${known.is}` },
    classMark(owner.classOf(known.truth)),
    el("b", { class: "clip" }, known.truth),
    icon(right ? "check" : "x"),
  );
}

// Why the label is doubted, and the image that shows the same.
function doubted(known, owner) {
  const doubt = known && known.doubt;
  if (!doubt) return null;
  const words = { name: known.truth, other: doubt.other, share: fmt.pct(doubt.share, 0) };
  if (!doubt.twin) return el("p", { class: "note warn" }, t("review.doubt", words));
  const twin = owner.factsOf(doubt.twin), open = () => owner.go(doubt.twin);
  return el(
    "p",
    { class: "note warn" },
    t("review.twin", { name: known.truth, other: twin ? twin.truth : "" }),
    " ",
    el("button", { class: "link", type: "button", id: "rv-twin", onclick: open }, t("review.twin_look")),
  );
}

function done(said, owner) {
  return el(
    "p",
    { class: "rv-done small", role: "status" },
    said,
    said ? el("button", { class: "link", type: "button", id: "rv-undo", onclick: owner.undo }, t("review.undo")) : "",
  );
}

function classesOf(id, known, owner) {
  const given = known && known.state && known.state.kind === "label" ? known.state.class : 0;
  const button = (each, place) =>
    el(
      "button",
      {
        type: "button",
        class: "rv-class",
        dataset: { id: `give-${each.id}` },
        "aria-pressed": String(given === each.id),
        onclick: () => owner.give([id], each.id),
      },
      el("kbd", {}, place < 10 ? String((place + 1) % 10) : each.key.toUpperCase() || "·"),
      classMark(each),
      el("span", { class: "clip", title: each.name, dir: "auto" }, each.name),
    );
  const act = (kind, key, cap) =>
    el(
      "button",
      {
        type: "button",
        class: "btn slim quiet",
        dataset: { id: kind },
        onclick: () => owner.mark([id], kind),
      },
      t(key),
      el("kbd", {}, cap),
    );
  return [
    owner.store.classes.length ? null : el("p", { class: "small" }, t("review.add_class")),
    el("div", { class: "rv-classes" }, owner.store.classes.map(button)),
    el(
      "div",
      { class: "rv-acts" },
      act("flag", "review.flag", "F"),
      act("clear", "review.clear_label", "Del"),
      act("exclude", known?.state?.kind === "exclude" ? "review.put_back" : "review.exclude", "X"),
    ),
  ];
}

function nearOf(look, known, owner) {
  if (!look) return null;
  if (look.near === null) return el("p", { class: "small faint" }, t("review.near_missing"));
  if (!look.near.length) return el("p", { class: "small faint" }, t("review.near_none"));
  const said = known ? known.said : "", same = look.near.filter((each) => each.name === said).length;
  const tile = (each) =>
    el(
      "li",
      {},
      el(
        "button",
        {
          type: "button",
          class: "thumb-open",
          dataset: { id: `near-${each.id}` },
          title: t("review.near_alt", { name: each.name, alike: fmt.pct(each.alike, 0) }),
          "aria-label": t("review.near_alt", { name: each.name, alike: fmt.pct(each.alike, 0) }),
          onclick: () => owner.go(each.id),
        },
        el("img", { class: "thumb", src: thumbUrl(each.id), alt: "" }),
        el(
          "span",
          { class: "results-class" },
          classMark(owner.classOf(each.name)),
          el("span", { class: "clip" }, each.name),
        ),
      ),
    );
  return [
    said ? el("p", { class: "small" }, counted("review.near_same", same, { n: same, total: look.near.length })) : null,
    el("ul", { class: "rv-near" }, look.near.map(tile)),
  ];
}
