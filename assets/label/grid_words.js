// What stands around the grid of the label page: the choice of lists, and what is said where they end.
import { el } from "../shell/dom.js";
import { loadSuspects } from "../images/doubts.js";
import { toast } from "../shell/notices.js";
import { redraw } from "../shell/redraw.js";
import { stampNow } from "../shell/state.js";
import { counted, t } from "../shell/text.js";

/** @type {[string, string][]} */
const GROUPS = [
  ["found", "found"],
  ["map", "map"],
  ["model", "model"],
  ["like", "like"],
  ["rest", "rest"],
  ["odd", "strange"],
  ["class", "given"],
];

/** Fill the choice of lists with those that there are. lists: as listsOf of grid_lists.js tells them.
 *  @param {HTMLSelectElement} choice
 *  @param {Record<string, any[]>} lists
 *  @param {string} list  the one that is shown */
export function fillLists(choice, lists, list) {
  const option = ([name, words]) => el("option", { value: name }, words);
  const group = ([key, name]) => el("optgroup", { label: t(`grid.group_${key}`) }, lists[name].map(option));
  choice.replaceChildren(...GROUPS.filter(([, name]) => lists[name].length).map(group));
  choice.value = list;
}

/** What ``endOf`` of grid_lists.js says. */
export function drawEnd(place, end) {
  place.hidden = !end;
  redraw(place, end, () =>
    end && [
      el("p", {}, counted(end.key, end.n)),
      el("button", { class: "btn", type: "button", "data-act": end.act }, t(end.way)),
    ]);
}

/** How much labels are doubted, or null: then why nothing can be said of them is told. */
export async function suspectsOrWhyNot() {
  try {
    const found = await loadSuspects(stampNow());
    if (!found.n) toast(t(`results.suspects_${found.why || "labels"}`));
    return found.n ? found : null;
  } catch (error) {
    toast(error);
    return null;
  }
}
