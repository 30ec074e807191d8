// Drawing a place again only when what it shows has changed.
import { present } from "./dom.js";

const drawn = new WeakMap(); // place -> what it showed when it was drawn

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
 *  under way are not lost, and the focus goes to the node of the same id. Returns whether it was filled.
 *  @param {HTMLElement} place
 *  @param {any} key  anything that JSON can write
 *  @param {() => any} make */
export function redraw(place, key, make) {
  const now = JSON.stringify(key);
  if (drawn.get(place) === now) return false;
  drawn.set(place, now);
  const held = place.contains(document.activeElement) ? nameOf(document.activeElement) : "";
  place.replaceChildren(...present([make()]).filter((each) => each !== ""));
  const again = held ? place.querySelector(held) : null;
  if (again instanceof HTMLElement) again.focus();
  return true;
}
