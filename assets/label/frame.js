// The label page's static parts: head, classes, image, grid, map.
import { el } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { Parts } from "../shell/parts.js";
import { t } from "../shell/text.js";
import { COLOURS } from "./map_colours.js";
import { searchBox } from "./search.js";

/** What the bar at the bottom of a narrow window does: [act, icon, words].
 *  @type {[string, string, string][]} */
const BAR = [
  ["undo", "undo", "label.undo"],
  ["skip", "skip", "label.skip"],
  ["flag", "flag", "label.flag"],
  ["many", "grid", "label.grid"],
  ["showMap", "map", "label.map"],
];

/** Build the page into its root. The named parts. */
export function buildFrame(root) {
  const make = new Parts();
  make.keep("root", root);
  root.classList.add("fill", "lb");
  root.append(
    head(make),
    make.part(
      "empty",
      "div",
      { class: "lb-empty" },
      el("p", {}, t("label.empty")),
      make.button("choose", "primary", t("label.choose")),
    ),
    el("div", { class: "lb-panes", "aria-busy": "true" }, classes(make), image(make), grid(make), map(make)),
    make.part("offline", "p", { class: "note bad lb-notice", role: "alert", hidden: true }),
    make.part("refused", "div", { class: "note bad lb-refused", role: "alert", hidden: true }),
    make.part("notice", "div", { class: "note good lb-notice", role: "status", hidden: true }),
    bar(),
  );
  return make.named;
}

function head(make) {
  const skipped = { type: "button", class: "link lb-skipped", "data-act": "skipped", hidden: true };
  return el(
    "div",
    { class: "page-head lb-head" },
    el("h1", {}, t("label.title")),
    el("span", { class: "lb-count-of" }, make.part("done", "b"), " ", make.part("of", "span")),
    el("span", { class: "meter lb-meter" }, make.part("meter", "i")),
    make.part("facts", "span", { class: "fact clip" }),
    make.part("skipped", "button", skipped),
    el(
      "span",
      { class: "lb-views", role: "group", "aria-label": t("label.views") },
      make.button("one", "slim", icon("image"), el("span", {}, t("label.one"))),
      make.button("many", "slim", icon("grid"), el("span", {}, t("label.grid"))),
    ),
    el("span", { class: "push" }),
    make.part("sync", "span", { class: "lb-sync" }),
    make.iconButton("undo", "undo", "label.undo"),
    make.iconButton("redo", "redo", "label.redo"),
    make.button(
      "train",
      "tinted",
      make.part("long", "span", { class: "lb-long" }, t("label.train_short")), // until the labels are here
      el("span", { class: "lb-short" }, t("label.train_short")),
    ),
  );
}

function classes(make) {
  return el(
    "section",
    { class: "pane lb-side", "aria-label": t("label.classes") },
    el(
      "div",
      { class: "pane-head" },
      el("h2", {}, t("label.classes")),
      make.part("tally", "span", { class: "small push clip" }),
    ),
    make.part("classes", "ol", { class: "lb-classes" }),
    make.part("advice", "p", { class: "small lb-advice" }),
  );
}

function image(make) {
  return el(
    "section",
    { class: "pane lb-main", "aria-label": t("label.image") },
    el(
      "div",
      { class: "pane-head lb-about" },
      make.part("name", "span", { class: "clip" }),
      make.part("size", "span", { class: "small lb-size" }),
      zoom(make),
    ),
    make.part("stage", "div", { class: "lb-stage" }),
    answers(make),
    el(
      "div",
      { class: "lb-queue" },
      make.iconButton("previous", "chevron-left", "label.previous"),
      make.part("strip", "div", { class: "lb-strip" }),
      make.iconButton("next", "chevron-right", "label.next"),
    ),
  );
}

function zoom(make) {
  return el(
    "span",
    { class: "push lb-zoom" },
    make.button("fit", "quiet slim", t("label.fit")),
    make.button("actual", "quiet slim", t("label.actual")),
    make.iconButton("farther", "minus", "label.farther"),
    make.iconButton("closer", "plus", "label.closer"),
    make.button("smooth", "quiet slim"),
    make.button("suggest", "quiet slim", t("label.suggest")),
  );
}

function answers(make) {
  const accept = { type: "button", class: "btn", "data-act": "accept", hidden: true };
  const keyed = (name, key, words) => {
    const cap = el("kbd", {}, t(key)), image = el("span", { class: "lb-ico" }, icon(name));
    return make.button(name, "quiet", image, el("span", {}, t(words)), cap);
  };
  return el(
    "div",
    { class: "lb-answer-row" },
    make.part("answer", "div", { class: "lb-answer", "aria-hidden": "true" }),
    make.part(
      "accept",
      "button",
      accept,
      el("span", {}, t("label.accept")),
      el("kbd", {}, t("label.cap_accept")),
    ),
    make.part("live", "span", { class: "sr", role: "status", "aria-live": "polite" }),
    el(
      "div",
      { class: "lb-acts" },
      make.button("clear", "quiet", t("label.clear")),
      make.iconButton("note", "edit", "label.note", "icon quiet"),
      keyed("skip", "label.cap_skip", "label.skip"),
      keyed("flag", "label.cap_flag", "label.flag"),
      make.iconButton("exclude", "trash", "label.exclude", "icon quiet"),
    ),
  );
}

function grid(make) {
  const list = { role: "listbox", "aria-multiselectable": "true", tabindex: "0", "aria-label": t("label.grid") };
  return el(
    "section",
    { class: "pane lb-grid", "aria-label": t("label.grid") },
    el(
      "div",
      { class: "pane-head" },
      make.part("gridlist", "select", { class: "lb-colour", "aria-label": t("grid.which") }),
      make.part("gridcount", "span", { class: "small" }),
      make.part("gridhint", "span", { class: "small clip lg-hint" }),
      el("span", { class: "push" }),
      make.button("gridorder", "quiet slim"),
      make.iconButton("gridfind", "search", "grid.search"),
    ),
    searchBox(make, "gridsearch", "grid.search"),
    make.part("gridend", "div", { class: "empty", role: "status", hidden: true }),
    make.part("gridscroll", "div", { class: "lg-scroll", ...list }),
    make.part(
      "gridbar",
      "div",
      { class: "lg-bar", hidden: true },
      make.part("gridmarked", "strong"),
      make.button("gridclear", "lb-bar-button", t("grid.clear")),
      make.part("gridpress", "span", { class: "clip" }),
      el("span", { class: "push" }),
      make.button("gridconfirm", "", make.part("gridconfirmtext", "span"), el("kbd", {}, t("label.cap_accept"))),
    ),
  );
}

function map(make) {
  const close = { "aria-label": t("label.close"), title: t("label.close") };
  const colours = COLOURS.map((name) => el("option", { value: name }, t(`label.colour_${name}`)));
  return el(
    "section",
    { class: "pane lb-map", "aria-label": t("label.map") },
    el(
      "div",
      { class: "pane-head" },
      el("h2", {}, t("label.map")),
      make.part("colour", "select", { class: "lb-colour", "aria-label": t("label.map_colour") }, colours),
      el("span", { class: "push" }),
      make.iconButton("find", "search", "label.map_search"),
      make.iconButton("lasso", "lasso", "label.lasso"),
      make.iconButton("box", "box", "label.box"),
      make.iconButton("mapFarther", "minus", "label.farther"),
      make.iconButton("mapCloser", "plus", "label.closer"),
      make.iconButton("mapFit", "fit", "label.map_fit"),
      el("button", { type: "button", class: "btn icon lb-close", "data-act": "showMap", ...close }, icon("x")),
    ),
    searchBox(make, "search", "label.map_search"),
    make.part("map", "div", { class: "lb-canvas" }),
    make.part("chosen", "div", { class: "lb-chosen", role: "status", hidden: true }),
    make.part("legend", "div", { class: "lb-legend" }),
  );
}

function bar() {
  const button = ([act, image, key]) =>
    el("button", { type: "button", "data-act": act }, icon(image), el("span", {}, t(key)));
  return el("nav", { class: "lb-bar", "aria-label": t("label.actions") }, BAR.map(button));
}
