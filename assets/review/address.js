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

/** Put a list of images aside under a name, for as long as the window lives. */
export function keepList(name, ids) {
  keepSession(`list-${name}`, Array.from(ids));
}

/** The images of a list, or null where it is not kept any more. */
export function keptList(name) {
  const found = keptSession(`list-${name}`);
  return Array.isArray(found) ? found.filter(Number.isInteger) : null;
}
