// The keys of the review: of its grid, and of one image at large. Never while the person types.
import { closeButton, showDialog } from "../shell/dialog.js";
import { clickLines, keySheet } from "../shell/help.js";
import { t } from "../shell/text.js";

const TYPING = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
const ACTS = "open arrows give".split(" ");
const LAST = "zoom where flag exclude clear undo search escape sheet".split(" ");
/** @returns {[string, string][]} */
const lines = (acts) => acts.map((each) => [t(`review.key_${each}`), t(`review.does_${each}`)]);

export const reviewKeys = () => keySheet([...lines(ACTS), ...clickLines(), ...lines(LAST)]);

export const showReviewKeys = () => showDialog(t("review.sheet"), reviewKeys(), closeButton);

/** Do what a key means. Returns whether it means something.
 *  act: {give(place), own(sign) -> place, flag, exclude, clear, undo, redo, sheet} and, where they are there, by code:
 *  Escape, Enter, Space, arrows, Home, End, PageUp, PageDown, KeyZ, Slash, all, zoom(factor). */
export function press(event, act) {
  if (event.isComposing || event.altKey || event.target.closest?.(TYPING)) return false;
  const run = event.ctrlKey || event.metaKey ? withControl(event, act) : plain(event, act);
  if (!run || (event.repeat && !/^(Arrow|Page)/.test(event.code))) return false;
  event.preventDefault();
  event.stopPropagation();
  run();
  return true;
}

function withControl(event, act) {
  const sign = event.key.toLowerCase();
  if (sign === "z") return event.shiftKey ? act.redo : act.undo;
  if (sign === "a") return act.all;
  return sign === "y" ? act.redo : null;
}

function plain(event, act) {
  const sign = [...event.key].length === 1 ? event.key.toLowerCase() : "";
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code), own = sign.trim() ? act.own(sign) : -1;
  if (sign === "?") return act.sheet;
  if (sign === "+") return act.zoom && (() => act.zoom(1.25));
  if (sign === "-") return act.zoom && (() => act.zoom(0.8));
  if (own >= 0) return () => act.give(own);
  if (event.shiftKey && !/^Arrow/.test(event.code)) return null;
  if (digit) return () => act.give((Number(digit[1]) + 9) % 10);
  if (["Space", "Enter", "NumpadEnter"].includes(event.code) && isControl(event.target)) return null;
  const code = event.code === "NumpadEnter" ? "Enter" : event.code;
  return { KeyF: act.flag, KeyX: act.exclude, Delete: act.clear, Backspace: act.undo }[code] ||
    (act[code] && (() => act[code](event)));
}

// A control that was reached with Tab keeps Space and Enter for itself.
const isControl = (node) => Boolean(node.closest?.("button, a, summary, [role=button]"));
