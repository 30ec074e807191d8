// The Label page's keys: heard first (capture phase), never while the person types or a dialog is open.

const TYPING = "input, textarea, select, [contenteditable]:not([contenteditable=false])";
const NATIVE = "button, a, summary, [role=button], [role=tab], [role=menuitem]";
const FAR = 1e9; // to the very first or last

/** Call the functions of ``act`` while ``root`` is on the screen. Returns what ends it.
 *  act.grid() says whether the grid is shown, act.own(letter) the place of the class with that key of its own, or
 *  -1. */
export function listenToKeys(root, ready, act) {
  const known = { both: keysOfBoth(act), one: keysOfOne(act), grid: keysOfGrid(act), signs: signs(act) };
  const onKey = (event) => {
    if (!root.offsetParent || !ready() || !isForPage(event)) return;
    const wish = meant(event, act, known);
    if (!wish || (event.repeat && !wish.repeats) || keepsItself(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    wish.run(event);
  };
  document.addEventListener("keydown", onKey, true);
  return () => document.removeEventListener("keydown", onKey, true);
}

function isForPage(event) {
  if (event.isComposing || document.querySelector("dialog[open]")) return false;
  return !(event.target.closest && event.target.closest(TYPING));
}

// A control reached with Tab keeps Space and Enter for itself, a menu its arrows.
function keepsItself({ target, code }) {
  if (target.closest && target.closest("[role=menu]")) return true;
  if (!["Space", "Enter", "NumpadEnter"].includes(code)) return false;
  return Boolean(target.matches && target.matches(NATIVE) && target.matches(":focus-visible"));
}

/** What a key stands for: {run(event), repeats} or null. */
function meant(event, act, known) {
  const graph = event.getModifierState("AltGraph");
  const sign = [...event.key].length === 1 ? event.key.toLowerCase() : ""; // as if without Caps Lock
  const letter = /\p{L}/u.test(sign) ? sign : "", place = sign.trim() ? act.own(sign) : -1;
  if (event.altKey && !graph) return null;
  if ((event.ctrlKey || event.metaKey) && !graph) return withControl(event, sign, act);
  if (known.signs[event.key]) return known.signs[event.key];
  const arrows = (act.grid() ? known.grid : known.one)[event.code];
  if (place >= 0 && !letter) return { run: () => act.give(place) }; // signs may need Shift or AltGr
  if (graph || (event.shiftKey && !(act.grid() && arrows))) return null;
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code);
  if (digit) return { run: () => act.give((Number(digit[1]) + 9) % 10) };
  if (arrows) return arrows;
  if (place >= 0) return { run: () => act.give(place) };
  if (known.both[event.code]) return known.both[event.code];
  return letter && act.many() ? { run: () => act.find(letter) } : null;
}

function withControl(event, sign, act) {
  if (sign === "z") return { run: event.shiftKey ? act.redo : act.undo };
  if (sign === "a" && act.grid()) return { run: act.all };
  return sign === "y" ? { run: act.redo } : null;
}

const keysOfBoth = (act) => ({
  Escape: { run: act.escape },
  Backspace: { run: act.undo },
  Delete: { run: act.clear },
  Enter: { run: act.accept },
  NumpadEnter: { run: act.accept },
  KeyF: { run: act.flag },
  KeyX: { run: act.exclude },
  KeyN: { run: act.add },
  KeyG: { run: act.view },
  Slash: { run: () => act.find("") },
});

const keysOfOne = (act) => ({
  ArrowLeft: { repeats: true, run: () => act.move(-1) },
  ArrowRight: { repeats: true, run: () => act.move(1) },
  Home: { run: () => act.move(-FAR) },
  End: { run: () => act.move(FAR) },
  Space: { run: act.skip },
});

const keysOfGrid = (act) => ({
  ArrowLeft: { repeats: true, run: (event) => act.step(-1, event) },
  ArrowRight: { repeats: true, run: (event) => act.step(1, event) },
  ArrowUp: { repeats: true, run: (event) => act.row(-1, event) },
  ArrowDown: { repeats: true, run: (event) => act.row(1, event) },
  PageUp: { repeats: true, run: () => act.page(-1) },
  PageDown: { repeats: true, run: () => act.page(1) },
  Home: { run: () => act.step(-FAR, {}) },
  End: { run: () => act.step(FAR, {}) },
  Space: { run: act.toggle },
});

const signs = (act) => ({
  "?": { run: act.sheet },
  "+": { repeats: true, run: () => act.zoom(1.25) },
  "-": { repeats: true, run: () => act.zoom(0.8) },
});
