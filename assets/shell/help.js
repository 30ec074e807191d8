// The help sheet, and the sheet of a page's keys.
import { app, PAGES } from "./app.js";
import { closeButton, showDialog } from "./dialog.js";
import { el } from "./dom.js";
import { knows, t } from "./text.js";

const TYPING = "input, textarea, select, [contenteditable]:not([contenteditable=false])";

/** What a page adds to the sheet: page -> () => nodes. Set in main.js. */
const more = new Map();
export const addHelp = (page, make) => more.set(page, make);

/** A list of keys: [key, what it does] each.
 *  @param {[string, string][]} lines */
export const keySheet = (lines) =>
  el("dl", { class: "lb-keys" }, lines.map(([key, does]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, does)]));

/** What a click does in every list and grid.
 *  @returns {[string, string][]} */
export const clickLines = () =>
  ["click", "one", "upto", "all"].map((each) => [t(`help.key_${each}`), t(`help.does_${each}`)]);

export function showHelp() {
  const lines = PAGES.filter((page) => knows(`help.${page}`)).map((page) =>
    el("div", {}, el("h2", {}, t(`step.${page}`)), el("p", { class: "small" }, t(`help.${page}`)))
  );
  const own = more.get(app.page);
  return showDialog(t("help.title"), [...(own ? own() : []), ...lines], closeButton);
}

/** The keys of the page; of one that has none, how all goes. */
export function showKeys() {
  const own = more.get(app.page);
  return own ? showDialog(t("help.keys", { page: t(`step.${app.page}`) }), own(), closeButton) : showHelp();
}

/** "?" shows them wherever nobody types. A page that listens to keys itself may hear it first. */
export function listenForHelp() {
  document.addEventListener("keydown", (event) => {
    const other = event.key !== "?" || event.isComposing || event.ctrlKey || event.metaKey;
    if (other || document.querySelector("dialog[open]")) return;
    if (event.target instanceof Element && event.target.closest(TYPING)) return;
    event.preventDefault();
    showKeys();
  });
}
