// The keys of the Select page: of the map with the choice, and of the odd images. Never while the person types.
import { clickLines, keySheet } from "../shell/help.js";
import { t } from "../shell/text.js";

const TYPING = "input, textarea, select, [contenteditable], [role=menu]";

/** @returns {[string, string][]} */
const own = () => ["reject", "add", "arrows"].map((each) => [t(`select.key_${each}`), t(`select.does_${each}`)]);
/** @returns {[string, string][]} */
const odd = () => ["open", "leave", "undo", "escape"].map((each) => [t(`odd.key_${each}`), t(`odd.does_${each}`)]);

/** Its sheet. */
export const selectKeys = () => keySheet([...own(), ...odd(), ...clickLines()]);

/** Do what a key means on the map: act, by code. ready: the choice is known. */
export function press(event, root, ready, act) {
  const modified = event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey;
  if (modified || !root.offsetParent || document.querySelector("dialog[open]")) return;
  if (event.target.closest && event.target.closest(TYPING)) return;
  const does = act[event.code];
  if (!does || !ready) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  does();
}
