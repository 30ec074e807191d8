// What a loop, a box or a search has selected on the map: the images themselves, before they get a class.
import { el } from "../shell/dom.js";
import { thumbUrl } from "../shell/pictures.js";
import { counted, t } from "../shell/text.js";

const SHOWN = 200; // pictures in the strip; the grid has them all

/** The nodes of the bar. n: selected; checks: check images among them, which stay out; have: those with an answer;
 *  free: the images that a class key would label; add: how many can be added to the choice; also: the box for
 *  ``have``. */
export function chosenBar({ n, checks, have, free, add, also }) {
  const button = (act, ...words) => el("button", { type: "button", class: "lb-bar-button", "data-act": act }, ...words);
  return [
    el("strong", {}, counted("label.selected", n)),
    have ? also : "",
    checks ? el("span", {}, counted("label.without_check", checks)) : "",
    el("span", { class: "push" }, free.length ? counted("label.press_class", free.length) : t("label.none_free")),
    free.length ? strip(free) : "",
    n > 1 ? button("seeChosen", counted("label.see_chosen", n)) : "",
    add ? button("choose_these", counted("choice.add_n", add)) : "",
    button("unselect", t("label.unselect"), el("kbd", {}, t("label.cap_escape"))),
  ];
}

const strip = (ids) =>
  el(
    "div",
    { class: "lb-seen", role: "region", tabindex: "0", "aria-label": counted("label.seen", ids.length) },
    ids.slice(0, SHOWN).map((id) => el("img", { src: thumbUrl(id), alt: "", loading: "lazy", draggable: "false" })),
  );
