// A closer look at one image: large, with its name, and what can be done with it.
import { sameBytes } from "../images/copies.js";
import { el } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { toast } from "../shell/notices.js";
import { imageUrl, thumbUrl } from "../shell/pictures.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";

const LARGE = 1024; // px

/** Whether an image can be replaced by the next best one. */
export const rejectable = (entry) => Boolean(entry) && entry.role === "pick" && !entry.state && !entry.source;

/** Whether the person added an image to the choice and can take it out again. */
export const returnable = (entry) => Boolean(entry) && entry.role === "pick" && !entry.state && Boolean(entry.source);

/** What is known of an image that is not chosen, or null. */
export const itemOf = (id) =>
  api(`/item?id=${id}`).catch((error) => {
    toast(error);
    return null;
  });

/** What a key does with an image: [key, words], or null. kind: of the answer that it has, "" for none. */
export function hintOf(entry, mayAdd, kind) {
  if (rejectable(entry)) return ["R", t("select.reject_hint")];
  if (returnable(entry)) return ["R", t("choice.take_back_hint")];
  return !entry && mayAdd && !kind ? ["A", t("choice.add_hint")] : null;
}

export function drawNothing(host) {
  host.replaceChildren(el("h2", {}, t("select.look")), el("p", { class: "small" }, t("choice.hint")));
}

/** number: its place in words; act: what its buttons do, step(by), reject(id), add(id), takeBack(id), putBack(id),
 *  chooseAgain(id), look(id). mayAdd: there is a choice that an image can be added to; kind: of the answer that it has,
 *  "" for none; rejected: whether another one has taken its place; twins: the entries of what is nearly the same. */
export function drawLook(host, entry, number, { mayAdd, kind, rejected, twins }, act) {
  const buttons = () => [...host.querySelectorAll("button")];
  const held = buttons().findIndex((button) => button === document.activeElement);
  const img = el("img", { class: "sl-large", src: imageUrl(entry.id, LARGE), alt: entry.path });
  const same = sameBytes(entry.copies);
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
    el("p", { class: "small" }, [t("select.size", { w: entry.w, h: entry.h }), same].filter(Boolean).join(", ")),
    ...alike(twins, act),
    ...(rejected && !kind ? again(entry, act) : what(entry, mayAdd, kind, act)),
  );
  if (held >= 0) (buttons()[held] || buttons()[1]).focus(); // "next" stays in hand
}

function way(image, key, onclick) {
  const words = { "aria-label": t(key), title: t(key) };
  return el("button", { type: "button", class: "btn icon", ...words, onclick }, icon(image));
}

function alike(twins, act) {
  const one = ({ id, path }) =>
    el(
      "button",
      { type: "button", class: "sl-twin", title: path, onclick: () => act.look(id) },
      el("img", { src: thumbUrl(id), alt: "" }),
      el("span", { class: "clip", dir: "auto" }, path.split("/").pop()),
    );
  return twins.length
    ? [el("p", { class: "small sl-alike" }, t("odd.alike")), el("div", { class: "sl-twins" }, twins.map(one))]
    : [];
}

function again(entry, act) {
  const button = { type: "button", class: "btn sl-reject", onclick: () => act.chooseAgain(entry.id) };
  return [reasonLine("select.is_rejected"), el("button", button, t("select.choose_again"))];
}

function what(entry, mayAdd, kind, act) {
  const button = (key, cap, does) => {
    const onclick = () => does(entry.id);
    const words = [t(key), cap && el("kbd", {}, cap)].filter(Boolean);
    return el("button", { type: "button", class: "btn sl-reject", onclick }, words);
  };
  if (kind === "exclude") return [reasonLine("choice.is_out"), button("choice.put_back", "", act.putBack)];
  if (rejectable(entry)) return [button("select.reject", "R", act.reject)];
  if (returnable(entry)) return [button("choice.take_back", "R", act.takeBack)];
  if (entry.role) return [reasonLine(entry.role === "audit" ? "select.check_fixed" : "select.labeled_fixed")];
  if (kind) return [reasonLine("choice.is_answered")];
  const why = reasonLine("choice.not_chosen");
  return mayAdd ? [why, button("choice.add", "A", act.add)] : [why];
}

const reasonLine = (key) => el("p", { class: "small sl-reason" }, t(key));
