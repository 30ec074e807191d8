// Dialogs.
import { el } from "./dom.js";
import { floats } from "./notices.js";
import { t } from "./text.js";

/** A dialog with nodes of our own. foot(close) makes its buttons. Resolves with what close(value) was given.
 *  Ctrl+Enter in a field of several lines, where Enter is a new line, presses the first one that is primary.
 *  @param {string} title
 *  @param {any} body
 *  @param {(close: (value?: any) => void) => any} foot
 *  @param {() => any} [left]  what it resolves with when it is left by Esc or a click beside it
 *  @returns {Promise<any>} */
export function showDialog(title, body, foot, left = undefined) {
  return new Promise((resolve) => {
    const box = el("dialog", { "aria-label": title });
    let answer;
    const close = (value = undefined) => {
      answer = value;
      box.close();
    };
    box.append(el("div", { class: "body" }, el("h1", {}, title), body), el("div", { class: "foot" }, foot(close)));
    box.addEventListener("close", () => {
      box.remove();
      resolve(answer);
    });
    box.addEventListener("keydown", (event) => {
      const whole = event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.repeat;
      const first = /** @type {HTMLElement | null} */ (box.querySelector(".foot .primary"));
      if (whole && event.target instanceof HTMLTextAreaElement) first?.click();
    });
    box.addEventListener("cancel", () => answer = left?.());
    box.addEventListener("click", (event) => event.target === box && close(left?.()));
    floats().append(box);
    box.showModal();
  });
}

/** The button that leaves a dialog as if nothing had been asked. */
export const cancelButton = (close) =>
  el("button", { class: "btn", type: "button", onclick: () => close() }, t("dialog.cancel"));

/** The focus begins there: Enter closes what was only read. */
export const closeButton = (close) =>
  el("button", { class: "btn", type: "button", autofocus: true, onclick: () => close() }, t("dialog.close"));

/** Ask before something is done. Whether the person said yes. */
export async function askFirst({ title, text, yes, danger = false }) {
  const answer = await showDialog(title, el("p", {}, text), (close) => [
    el("button", { class: "btn", type: "button", onclick: () => close(false) }, t("dialog.cancel")),
    el("button", { class: `btn ${danger ? "danger" : "primary"}`, type: "button", onclick: () => close(true) }, yes),
  ]);
  return Boolean(answer);
}
