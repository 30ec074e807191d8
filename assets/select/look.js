// A closer look at one image: large, with its name, and what can be done with it.
import { el, imageUrl } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { t } from "../shell/text.js";

const LARGE = 1024; // px

/** Whether an image can be replaced by the next best one. */
export const rejectable = (entry) => Boolean(entry) && entry.role === "pick" && !entry.state;

export function drawNothing(host) {
  host.replaceChildren(el("h2", {}, t("select.look")), el("p", { class: "small" }, t("select.look_hint")));
}

/** number: its place in words; step(by) and reject(id) are what its buttons do. */
export function drawLook(host, entry, number, { step, reject }) {
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
      way("chevron-left", "select.previous", () => step(-1)),
      way("chevron-right", "select.next", () => step(1)),
    ),
    el("div", { class: "sl-stage" }, img),
    el("p", { class: "sl-name", dir: "auto" }, entry.path),
    el("p", { class: "small" }, t("select.size", { w: entry.w, h: entry.h })),
    rejectable(entry) ? rejectButton(() => reject(entry.id)) : el("p", { class: "small sl-reason" }, t(reason(entry))),
  );
  if (held >= 0) (buttons()[held] || buttons()[1]).focus(); // "next" stays in hand
}

function way(image, key, onclick) {
  const words = { "aria-label": t(key), title: t(key) };
  return el("button", { type: "button", class: "btn icon", ...words, onclick }, icon(image));
}

function rejectButton(onclick) {
  return el("button", { type: "button", class: "btn sl-reject", onclick }, t("select.reject"), el("kbd", {}, "R"));
}

function reason(entry) {
  if (!entry.role) return "select.not_chosen_hint";
  return entry.role === "audit" ? "select.check_fixed" : "select.labeled_fixed";
}
