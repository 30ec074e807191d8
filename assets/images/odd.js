// The odd images of the pool as /x/KEY/odd tells them (app/routes/odd.py).
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { thumbUrl } from "../shell/pictures.js";
import { api } from "../shell/server.js";
import { counted, t } from "../shell/text.js";

/** One list: values and twins stand beside its ids, where there are any.
 *  @typedef {{kind: string, ids: number[], values: number[], twins: number[]}} OddList
 *  @typedef {{known: boolean, new: number, n: number, lists: OddList[], excluded: number[], among?: number}} Odd */

let kept = { stamp: "", promise: null };

/** What the answer depends on: the pool, what is left out, and what the run has measured. */
export function oddStamp() {
  const { state } = app, run = (state.runs || []).find((each) => each.kind === "odd" && each.status === "done");
  return [app.key, state.version.split(".")[0], run ? run.id : 0].join(":");
}

/** The odd images of now.
 *  @returns {Promise<Odd>} */
export function loadOdd() {
  const stamp = oddStamp();
  if (kept.stamp !== stamp) {
    const promise = api("/odd");
    promise.catch(() => {
      if (kept.promise === promise) kept = { stamp: "", promise: null };
    });
    kept = { stamp, promise };
  }
  return kept.promise;
}

/** The odd images, where a list of the review is of them ("odd-3"), which then says why each is one; else null.
 *  @param {string} list
 *  @returns {Promise<Odd | null>} */
export function oddIn(list) {
  return list.split("-")[0] === "odd" ? loadOdd().catch(() => null) : Promise.resolve(null);
}

/** The images of a list that are not left out: the server's answer may be older than what was done here.
 *  @param {Odd | null} odd
 *  @param {string} kind  of a list, or "all": those of every list, each once
 *  @param {{stateOf(id: number): Answer | null}} store
 *  @returns {number[]} */
export function oddOf(odd, kind, store) {
  const lists = odd ? odd.lists.filter((each) => kind === "all" || each.kind === kind) : [];
  const ids = new Set(lists.flatMap((each) => each.ids));
  return [...ids].filter((id) => store.stateOf(id)?.kind !== "exclude");
}

/** How many are odd, and what they are, in words. An image that is odd in two ways is named for both.
 *  @param {Odd} odd
 *  @param {{stateOf(id: number): Answer | null}} store */
export function oddWords(odd, store) {
  const told = (kind) => {
    const n = oddOf(odd, kind, store).length;
    return n ? [t(`odd.kind_${kind}`, { n: fmt.int(n) })] : [];
  };
  const kinds = odd.lists.flatMap((each) => told(each.kind)).join(", ");
  return counted("odd.found", oddOf(odd, "all", store).length, { kinds });
}

/** Why an image is odd, in words; "" where nothing says so.
 *  @param {Odd | null} odd
 *  @param {number} id
 *  @param {string} [kind]  the list that it is looked at in */
export function whyOdd(odd, id, kind = "all") {
  const words = [];
  for (const list of odd ? odd.lists : []) {
    const at = kind === "all" || kind === list.kind ? list.ids.indexOf(id) : -1;
    if (at < 0) continue;
    const value = list.values[at], n = list.kind === "tiny" ? fmt.int(value) : fmt.pct(value ?? 0, 0);
    words.push(t(`odd.tile_${list.kind}`, { n }));
  }
  return words.join(", ");
}

/** The image that another one nearly repeats; 0 where it repeats none.
 *  @param {Odd | null} odd
 *  @param {number} id
 *  @returns {number} */
export function twinOf(odd, id) {
  const list = odd && odd.lists.find((each) => each.kind === "twin"), at = list ? list.ids.indexOf(id) : -1;
  return at < 0 ? 0 : list.twins[at];
}

/** What is nearly the same as an image: what it repeats, and what repeats that or the image itself.
 *  @param {Odd | null} odd
 *  @param {number} id
 *  @returns {number[]} */
export function twinsOf(odd, id) {
  const list = odd && odd.lists.find((each) => each.kind === "twin"), first = twinOf(odd, id) || id;
  if (!list) return [];
  return [first, ...list.ids.filter((_, at) => list.twins[at] === first)].filter((each) => each !== id);
}

/** Show, in the corner of an image's picture, the one that it nearly repeats; 0: none.
 *  @param {HTMLElement} picture
 *  @param {number} twin */
export function showTwin(picture, twin) {
  const now = /** @type {HTMLElement | null} */ (picture.querySelector(".lg-twin"));
  if (now?.dataset.twin === (twin ? String(twin) : undefined)) return;
  now?.remove();
  if (!twin) return;
  picture.append(el("img", { class: "lg-twin", src: thumbUrl(twin), alt: "", draggable: "false", dataset: { twin } }));
}
