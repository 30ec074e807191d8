// The help sheet.
import { app, PAGES } from "./app.js";
import { closeButton, showDialog } from "./dialog.js";
import { el } from "./dom.js";
import { knows, t } from "./text.js";

/** What a page adds to the sheet: page -> () => nodes. Set in main.js. */
const more = new Map();
export const addHelp = (page, make) => more.set(page, make);

export function showHelp() {
  const lines = PAGES.filter((page) => knows(`help.${page}`)).map((page) =>
    el("div", {}, el("h2", {}, t(`step.${page}`)), el("p", { class: "small" }, t(`help.${page}`)))
  );
  const own = more.get(app.page);
  return showDialog(t("help.title"), [...(own ? own() : []), ...lines], closeButton);
}
