// The way into the review: a page says which images are to be seen, and the address remembers it.
import { keepSession, keptSession } from "../shell/kept.js";
import { asked } from "../shell/pages.js";
import { readFilter, writeFilter } from "./filter.js";

const PAGE = "results";
const addressOf = (filter) => `${location.pathname}${location.search}#${PAGE}?${writeFilter(filter)}`;

/** Show these images; Back leads to where one was.
 *  @param {Partial<ReviewFilter>} filter */
export function see(filter) {
  location.hash = `${PAGE}?${writeFilter(filter)}`;
}

/** The filter of the address, or null where it names no review. */
export function seen() {
  const { page, query } = asked();
  return page === PAGE && query.has("see") ? readFilter(query) : null;
}

/** Put another filter into the address. step: as one more step of Back. */
export function note(filter, step = false) {
  if (step) history.pushState({ review: "step" }, "", addressOf(filter));
  else history.replaceState(history.state, "", addressOf(filter));
}

/** Whether Back leads to where the review was before its last step. */
export const canStepBack = () => history.state?.review === "step";

const lists = new Map(); // name -> images, for as long as the page lives; those that are not too long outlive a reload
const LONG = 20000, MOST = 6;

/** Put a list of images aside. kind: what it is; the name of the list begins with it.
 *  @param {string} kind
 *  @param {Iterable<number>} images
 *  @returns {string} */
export function keepList(kind, images) {
  const last = Number(keptSession("list-last")) || 0, name = `${kind}-${last + 1}`, ids = Array.from(images);
  keepSession("list-last", last + 1);
  keepSession(`list-${(last + 1) % MOST}`, ids.length <= LONG ? { name, ids } : null);
  lists.set(name, ids);
  if (lists.size > MOST) lists.delete(lists.keys().next().value);
  return name;
}

/** The images of a list, or null where it is not kept any more.
 *  @param {string} name
 *  @returns {number[] | null} */
export function keptList(name) {
  if (lists.has(name)) return lists.get(name);
  const found = keptSession(`list-${Number(name.split("-")[1]) % MOST}`);
  return found && found.name === name && Array.isArray(found.ids) ? found.ids.filter(Number.isInteger) : null;
}
