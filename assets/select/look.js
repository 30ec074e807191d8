// A closer look at one image: large, with its name, and what can be done with it.
import { el, imageUrl } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { t } from "../shell/text.js";

const LARGE = 1024; // px

/** Whether an image can be replaced by the next best one. */
export const rejectable = (entry) => Boolean(entry) && entry.role === "pick" && !entry.state && !entry.source;

/** Whether the person added an image to the choice and can take it out again. */
export const returnable = (entry) => Boolean(entry) && entry.role === "pick" && !entry.state && Boolean(entry.source);

/** What a key does with an image: [key, words], or null. */
export function hintOf(entry, mayAdd) {
  if (rejectable(entry)) return ["R", t("select.reject_hint")];
  if (returnable(entry)) return ["R", t("choice.take_back_hint")];
  return !entry && mayAdd ? ["A", t("choice.add_hint")] : null;
}

export function drawNothing(host) {
  host.replaceChildren(el("h2", {}, t("select.look")), el("p", { class: "small" }, t("choice.hint")));
}

/** number: its place in words; act: what its buttons do, step(by), reject(id), add(id), takeBack(id). mayAdd: there is
 *  a choice that an image can be added to. */
export function drawLook(host, entry, number, mayAdd, act) {
  const buttons = () => [...host.querySelectorAll("button")];
  const held = buttons().findIndex((button) => button === document.activeElement);
  const img = el("img", { class: "sl-large", src: imageUrl(entry.id, LARGE), alt: entry.path });
  img.style.aspectRatio = `${entry.w} / ${entry.h}`;
  host.replaceChildren(
    el(
      "div",
      { class: "sl-lookhead" },
      el("h2", {}, number),
      el("span", { class: "push" }),
      way("chevron-left", "select.previous", () => act.step(-1)),
      way("chevron-right", "select.next", () => act.step(1)),
    ),
    el("div", { class: "sl-stage" }, img),
    el("p", { class: "sl-name", dir: "auto" }, entry.path),
    el("p", { class: "small" }, t("select.size", { w: entry.w, h: entry.h })),
    ...what(entry, mayAdd, act),
  );
  if (held >= 0) (buttons()[held] || buttons()[1]).focus(); // "next" stays in hand
}

function way(image, key, onclick) {
  const words = { "aria-label": t(key), title: t(key) };
  return el("button", { type: "button", class: "btn icon", ...words, onclick }, icon(image));
}

function what(entry, mayAdd, act) {
  const button = (key, cap, does) => {
    const onclick = () => does(entry.id);
    return el("button", { type: "button", class: "btn sl-reject", onclick }, t(key), el("kbd", {}, cap));
  };
  if (rejectable(entry)) return [button("select.reject", "R", act.reject)];
  if (returnable(entry)) return [button("choice.take_back", "R", act.takeBack)];
  const why = el("p", { class: "small sl-reason" }, t(reason(entry)));
  return !entry.role && mayAdd ? [why, button("choice.add", "A", act.add)] : [why];
}

function reason(entry) {
  if (!entry.role) return "choice.not_chosen";
  return entry.role === "audit" ? "select.check_fixed" : "select.labeled_fixed";
}
