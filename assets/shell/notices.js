// Notices: an error in its pane, short notices that leave by themselves, the bar at the top.
import { el } from "./dom.js";
import { icon } from "./icons.js";
import { Refused } from "./server.js";
import { t } from "./text.js";

const STAYS = { error: 15000, action: 12000, bad: 10000, plain: 5000 }; // ms
const MOST = 4;
let layer = null, toasts = null, bar = null, trouble = null;

/** With a point at its end. */
export const asSentence = (text) => (/[.?!…]$/.test(text) ? text : `${text}.`);

// A bare value, such as a name or a number, would dangle behind the sentence before it.
// One that is not there was asked for, not found.
const found = ({ what, found: text }) => {
  const key = what.startsWith("There is no ") ? "error.asked" : "error.found";
  return /\.$/.test(text) ? text : asSentence(t(key, { found: text }));
};

/** The same as a text. */
export const inSentences = (error) =>
  [asSentence(error.what), error.found ? found(error) : "", error.do ? asSentence(error.do) : ""]
    .filter(Boolean).join(" ");

function told(error) {
  const rest = [error.found ? ` ${found(error)}` : "", error.do ? ` ${asSentence(error.do)}` : ""];
  return [el("b", {}, asSentence(error.what)), ...rest];
}

/** An error in the pane it concerns: what is wrong, what was found, what to do.
 *  @param {Problem} error
 *  @param {"bad" | "warn"} [kind] */
export const errorBox = (error, kind = "bad") => el("div", { class: `note ${kind}`, role: "alert" }, told(error));

/** The place for what lies over the page. */
export function floats() {
  if (!layer || !layer.isConnected) {
    layer = el("section", { class: "fs", "aria-label": t("floats") });
    document.body.append(layer);
  }
  return layer;
}

/** A short notice that leaves by itself, an error later, and never while the pointer or the focus is on it.
 *  action: a button in it, such as Undo; only the newest notice has one. Returns what closes it.
 *  @param {string | Problem} message
 *  @param {"" | "bad" | "good"} [kind]
 *  @param {{text: string, act: () => void} | null} [action] */
export function toast(message, kind = "", action = null) {
  const error = typeof message === "object" && message.what ? message : null;
  if (error && error.status === 0) return () => {}; // no answer at all: the bar at the top says so
  if (!toasts) {
    toasts = el("div", { class: "toasts", role: "status", "aria-live": "polite" });
    floats().append(toasts);
  }
  const text = error ? error.what : String(message);
  [...toasts.children].find((each) => each.dataset.text === text)?.remove();
  if (action) toasts.querySelectorAll(".acts").forEach((older) => older.remove());
  const made = notice(error ? told(error) : text, text, error ? "bad" : kind, action);
  toasts.append(made);
  const leave = () => (made.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : made.remove());
  setTimeout(leave, error ? STAYS.error : action ? STAYS.action : kind === "bad" ? STAYS.bad : STAYS.plain);
  while (toasts.children.length > MOST) toasts.firstChild.remove();
  return () => made.remove();
}

function notice(says, text, kind, action) {
  const act = () => {
    made.remove();
    action.act();
  };
  const close = { class: "btn icon", type: "button", "aria-label": t("dialog.close"), onclick: () => made.remove() };
  const made = el(
    "div",
    { class: `toast ${kind}${action ? " acts" : ""}`, dataset: { text } },
    el("div", { class: "say" }, says),
    action ? el("button", { class: "btn slim", type: "button", onclick: act }, action.text) : "",
    el("button", close, icon("x")),
  );
  return made;
}

function raise(image, key) {
  bar = el("div", { class: "offline", role: "alert" }, icon(image), t(key));
  floats().append(bar);
}

/** What is wrong with the project or its disk, as long as it is: one sentence, "" for nothing. */
export function tellTrouble(words) {
  if ((trouble?.textContent || "") === words) return;
  trouble?.remove();
  trouble = words ? el("div", { class: "offline lasting", role: "alert", title: words }, icon("warn"), words) : null;
  if (trouble) floats().append(trouble);
  document.body.classList.toggle("fs-trouble", Boolean(words));
}

/** This window is not let in any more. */
export function shut() {
  bar?.remove();
  raise("lock", "denied");
  document.body.classList.add("fs-offline");
}

/** Say when the program is away, and what nobody else says of a request that failed. */
export function watchTrouble() {
  document.addEventListener("fs:offline", (event) => {
    bar?.remove();
    bar = null;
    if (event.detail) raise("warn", "offline");
  });
  addEventListener("unhandledrejection", (event) => {
    if (!(event.reason instanceof Refused)) return;
    event.preventDefault();
    toast(event.reason);
  });
}
