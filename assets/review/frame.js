// The parts of the review: its head, the filters, the grid, and the bar of what is selected.
import { el } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { keep, kept } from "../shell/kept.js";
import { redraw } from "../shell/redraw.js";
import { t } from "../shell/text.js";
import { ORDERS } from "./filter.js";
import { showReviewKeys } from "./keys.js";

const WIDE = 1360; // px of the window from which on the map stands there by itself
const NARROW = 1024; // px below which it takes the images' room (page.css): there it comes when it is asked for
const MAP = "fs-review-map"; // how the person had it last, in a window that is not narrow

/** The nodes of a review by name; ``node`` holds them all. */
export function buildFrame(review) {
  const { grid, side } = review;
  const count = el("span", { class: "fact", role: "status" }), bar = barOf(review);
  const order = el(
    "select",
    {
      class: "field rv-order",
      "aria-label": t("review.order"),
      onchange: (event) => review.set({ by: event.target.value }),
    },
    ORDERS.map((each) => el("option", { value: each }, t(`review.by_${each}`))),
  );
  const several = el(
    "button",
    {
      class: "btn rv-several",
      type: "button",
      "aria-pressed": "false",
      "aria-label": t("review.several"),
      title: t("review.several"),
      onclick: () => {
        grid.marking = !grid.marking;
        review.drawBar();
      },
    },
    icon("check"),
    el("span", {}, t("review.several")),
  );
  const filters = el("button", {
    class: "btn rv-filters",
    type: "button",
    "aria-expanded": "false",
    onclick: () => {
      const open = node.classList.toggle("rv-open");
      filters.setAttribute("aria-expanded", String(open));
    },
  }, t("review.filters"));
  const none = el("p", { class: "empty rv-none", hidden: true }, t("review.none")), trouble = el("div");
  const main = el("div", { class: "pane rv-main" }, trouble, none, grid.host, bar.bar);
  const aside = el("div", { class: "pane rv-aside", tabindex: "0" }, review.map.node);
  const panes = el("div", { class: "panes rv-panes" }, side.node, main, aside), map = mapButton(review, panes);
  const node = el("div", { class: "rv" }, headOf(review, { count, order, several, filters, map }), panes);
  return { node, count, order, several, none, trouble, isMapShown: () => aside.offsetParent !== null, ...bar };
}

const isNarrow = () => innerWidth < NARROW;

function mapButton(review, panes) {
  const button = el(
    "button",
    {
      class: "btn rv-mapbutton",
      type: "button",
      onclick: () => {
        const yes = button.getAttribute("aria-pressed") === "false";
        show(yes);
        if (!isNarrow()) keep(MAP, yes ? "1" : "0");
        review.grid.draw();
        review.drawMap();
      },
    },
    icon("map"),
    t("review.map"),
  );
  const show = (yes) => {
    button.setAttribute("aria-pressed", String(yes));
    panes.classList.toggle("rv-mapped", yes);
  };
  let narrow = isNarrow();
  const begin = () => show(!narrow && (kept(MAP) ?? (innerWidth >= WIDE ? "1" : "0")) === "1");
  begin();
  const follow = () => { // a window made narrow, a phone that is turned
    if (narrow === isNarrow()) return;
    narrow = isNarrow();
    begin();
    if (review.view) review.drawMap();
  };
  new ResizeObserver(follow).observe(panes);
  return button;
}

function headOf(review, { count, order, several, filters, map }) {
  return el(
    "div",
    { class: "page-head rv-head" },
    el(
      "button",
      { class: "btn quiet rv-back", type: "button", onclick: () => review.leave() },
      icon("chevron-left"),
      t("review.back"),
    ),
    el("h1", {}, t("review.title")),
    count,
    el("span", { class: "push" }),
    filters,
    map,
    several,
    order,
    el("button", {
      class: "btn icon rv-keys",
      type: "button",
      title: t("review.keys"),
      "aria-label": t("review.keys"),
      onclick: showReviewKeys,
    }, icon("help")),
  );
}

// What is selected, and what can be done with it.
function barOf(review) {
  const marked = el("strong", {}),
    give = el("select", {
      class: "field rv-give",
      "aria-label": t("review.give"),
      onchange: () => {
        const classId = Number(give.value);
        give.value = "";
        if (classId) review.give(review.grid.meant(), classId);
      },
    });
  const fillClasses = (names) =>
    redraw(give, names, () => [
      el("option", { value: "" }, t("review.give")),
      ...names.map(([id, name]) => el("option", { value: String(id) }, name)),
    ]);
  const open = el(
    "button",
    { type: "button", class: "lb-bar-button rv-see", onclick: () => review.go(review.grid.ids[review.grid.focus]) },
    t("review.see"),
    el("kbd", {}, t("label.cap_accept")),
  );
  const clear = el(
    "button",
    { type: "button", class: "lb-bar-button push", onclick: () => review.grid.clear() },
    t("review.unmark"),
    el("kbd", {}, "Esc"),
  );
  const hint = el("span", { class: "clip" }, t("review.press"));
  return {
    bar: el("div", { class: "lg-bar rv-bar", hidden: true }, marked, open, give, hint, clear),
    marked,
    open,
    fillClasses,
  };
}
