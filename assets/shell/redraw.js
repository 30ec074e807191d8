// Drawing a place again only when what it shows has changed.
import { present } from "./dom.js";

const drawn = new WeakMap(); // place -> what it showed when it was drawn
const begun = new WeakSet(); // fields in which the person has typed what is not taken yet
const LETTERS = "textarea, input:is([type=text], [type=search], [type=number], [type=password], :not([type]))";

/** What a node is found again by, after it was made anew. */
function nameOf(node) {
  if (!(node instanceof HTMLElement)) return "";
  if (node.id) return `#${CSS.escape(node.id)}`;
  for (const name of ["id", "key"]) {
    if (name in node.dataset) return `[data-${name}="${CSS.escape(node.dataset[name])}"]`;
  }
  return "";
}

/** Fill a place with what ``make`` returns, unless ``key`` is as it was: an open list, typing, scrolling and a click
 *  under way are not lost. The focus goes to the node of the same id; what the person is typing there stays as it is,
 *  whatever the server says of it meanwhile, and folds stay open. Returns whether it was filled.
 *  @param {HTMLElement} place
 *  @param {any} key  anything that JSON can write
 *  @param {() => any} make */
export function redraw(place, key, make) {
  const now = JSON.stringify(key);
  if (drawn.get(place) === now) return false;
  if (!drawn.has(place)) follow(place);
  drawn.set(place, now);
  const was = place.contains(document.activeElement) ? document.activeElement : null, held = nameOf(was);
  keepFolds(place, () => place.replaceChildren(...present([make()]).filter((each) => each !== "")));
  const again = held ? place.querySelector(held) : null;
  if (!(again instanceof HTMLElement)) return true;
  again.focus();
  goOnTyping(was, again);
  return true;
}

/** Do what makes the nodes of a place anew; folds with an id that the person has opened are open again.
 *  @param {HTMLElement} place
 *  @param {() => void} work */
export function keepFolds(place, work) {
  const open = [...place.querySelectorAll("details[open][id]")].map((each) => each.id);
  work();
  for (const id of open) place.querySelector(`details#${CSS.escape(id)}`)?.setAttribute("open", "");
}

// Typing has begun with a letter, and what was typed is taken with Enter, or when the field is left.
function follow(place) {
  place.addEventListener("input", ({ target }) => begun.add(/** @type {Node} */ (target)), true);
  place.addEventListener("change", ({ target }) => begun.delete(/** @type {Node} */ (target)), true);
}

function goOnTyping(was, again) {
  if (was === again || !was.matches(LETTERS) || was.tagName !== again.tagName) return;
  if (begun.has(was) && again.value !== was.value) {
    again.value = was.value;
    again.dispatchEvent(new Event("input", { bubbles: true })); // it is told as if it were typed
  }
  if (begun.has(was)) begun.add(again);
  if (again.value !== was.value || was.selectionStart === null) return; // a number has no place to write at
  again.setSelectionRange(was.selectionStart, was.selectionEnd, was.selectionDirection);
}
