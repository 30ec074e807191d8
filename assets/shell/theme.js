// Light and dark.
import { address } from "./app.js";
import { keep, kept } from "./kept.js";

export const isDark = () => document.body.classList.contains("dark");

export function setDark(dark) {
  document.body.classList.toggle("dark", dark);
  keep("fs-dark", dark ? "1" : "0");
  tell();
}

const tell = () => document.dispatchEvent(new CustomEvent("fs:theme", { detail: isDark() }));

/** The colours of the last visit, and "fs:theme" whenever others come. */
export function firstColours() {
  const dark = kept("fs-dark");
  if (dark !== null && !address.get("__theme")) document.body.classList.toggle("dark", dark === "1");
  new MutationObserver(tell).observe(document.body, { attributes: true, attributeFilter: ["class"] });
}
