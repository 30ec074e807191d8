// Which images the grid shows, and in which order.
import { mostDoubtful } from "../images/doubts.js";
import { oddOf } from "../images/odd.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

/** The class that a list "like:ID" (by suggestions) or "rest:ID" (by a model) is about; 0 for other lists. */
export const likeOf = (list) => (/^(like|rest):\d+$/.test(list) ? Number(list.slice(5)) : 0);

/** The list of what a person said is not what the model says; what is shown where no list of the rest has images. */
export const NOT = "rest:not", END = "end";

/** The list of what is selected on the map: by a loop, a box, or by its file name. */
export const ON_MAP = "map";

/** The list of what a search has found. */
export const FOUND = "found";

/** The list of what a person said is not what it looks like by the labels so far. */
export const UNLIKE = "like:not";

/** Whether a list holds what a person said is not what it looks like. */
export const isNot = (list) => list === NOT || list === UNLIKE;

/** Whether the images of a list are those that a model left. */
export const isRest = (list) => list.startsWith("rest:");

/** Whether all images of a list have one label, so that they can come by how much it is doubted. */
export const isGiven = (list) => list.startsWith("class:");

/** Whether an image waits for an answer here: check images are never answered by what they look like. */
export const isOpen = (store, id) => !store.isDone(id) && store.items.get(id)?.role !== "audit";

// Images that a person said are not what the model says, or whose class is gone, and that wait for an answer.
function notAsSaid(left, store, refused) {
  const there = new Set(store.classes.map((each) => each.id));
  const isNot = (each, id) => !there.has(each) || refused.get(each)?.has(id);
  return [...left.lists].flatMap(([each, ids]) => ids.filter((id) => isNot(each, id) && isOpen(store, id)));
}

// The same of what looks like a class by the labels so far.
function notAsSuggested(suggest, store, refused) {
  const isNot = (each) => suggest.list(each.id).filter((id) => refused.get(each.id)?.has(id) && isOpen(store, id));
  return store.classes.flatMap(isNot);
}

/** How many images of what a model left have no answer, check images with them.
 *  @param {{found: Map<number, any>, strange: number[]}} left */
export const stillOpen = (left, store) =>
  [...left.found.keys(), ...left.strange].filter((id) => !store.isDone(id)).length;

// What a model left, class by class, then what is in no class' list: each open image is in one of them.
function listsOfRest(left, store, refused) {
  const waits = (ids, not = new Set()) => ids.filter((id) => isOpen(store, id) && !not.has(id)).length;
  const named = (key, n, words = {}) => t(key, { n: fmt.int(n), ...words });
  const model = store.classes
    .map((each) => ({ ...each, n: waits(left.list(each.id), refused.get(each.id)) }))
    .filter(({ n }) => n)
    .map(({ id, name, n }) => [`rest:${id}`, named("grid.rest", n, { name }), n]);
  const not = notAsSaid(left, store, refused).length, strange = waits(left.strange);
  if (not) model.push([NOT, named("grid.rest_not", not), 0]);
  if (strange) model.push(["rest:strange", named("grid.rest_strange", strange), 0]);
  return model;
}

/** The lists there are, as [name, words, images]: what a model left, what looks like a class, others, what has a class.
 *  rest() -> Rest | null; picked() -> images that are selected on the map; found: those that a search has found;
 *  refused: class -> images that are not it. */
export function listsOf({ store, suggest, pool, rest, odd, refused, found: hits = [], picked = () => [] }) {
  const waits = ({ id: like }) =>
    suggest.list(like).filter((id) => isOpen(store, id) && !refused.get(like)?.has(id)).length;
  const left = rest(), model = left ? listsOfRest(left, store, refused) : [];
  const like = store.classes
    .map((each) => [`like:${each.id}`, t("grid.like", { name: each.name }), waits(each)])
    .filter(([, , n]) => n);
  const unlike = notAsSuggested(suggest, store, refused).length;
  if (unlike) like.push([UNLIKE, t("grid.like_not", { n: fmt.int(unlike) }), 0]);
  const open = pool().length ? [["open", t("grid.open")]] : [];
  const given = store.classes
    .filter((each) => store.counts.get(each.id) > 0)
    .map((each) => [`class:${each.id}`, t("grid.class", { name: each.name })]);
  const isOut = [...store.states.values()].some((state) => state.kind === "exclude");
  const out = isOut ? [["excluded", t("grid.excluded")]] : [];
  const found = odd(),
    strange = (found ? found.lists : [])
      .map(({ kind }) => [`odd:${kind}`, oddOf(found, kind, store).length])
      .filter(([, n]) => n)
      .map(([name, n]) => [name, t(name.replace(":", "."), { n: fmt.int(n) })]);
  const n = picked().length;
  return {
    found: hits.length ? [[FOUND, t("grid.found", { n: fmt.int(hits.length) })]] : [],
    map: n ? [[ON_MAP, t("grid.map", { n: fmt.int(n) })]] : [],
    model,
    like,
    strange,
    rest: [["picks", t("grid.picks")], ...open, ["skipped", t("grid.skipped")], ...out],
    given,
  };
}

/** The list with most images of what a model left, else of what looks like a class; the picks where there is none. */
export function firstList({ model, like }) {
  const [longest] = (model.length ? model : like).slice().sort((a, b) => b[2] - a[2]);
  return longest ? longest[0] : "picks";
}

/** The images of a list, in order. refused: class -> images that are not it; sure: the surest come first; doubts: how
 *  much labels are doubted, where those are to come first; order: what looked like the class when the list was made,
 *  where it is to stay as it was. */
export function membersOf(
  list,
  { store, suggest, pool, rest, odd, refused, sure, doubts = null, found: hits = [], picked = () => [], order = null },
) {
  if (list === FOUND) return hits;
  if (list === ON_MAP) return picked();
  const like = likeOf(list);
  if (like) {
    const not = refused.get(like) || new Set();
    const all = order || (isRest(list) ? rest() : suggest).list(like);
    const found = all.filter((id) => isOpen(store, id) && !not.has(id));
    return sure ? found : found.reverse();
  }
  if (list === END) return [];
  if (list === UNLIKE) return notAsSuggested(suggest, store, refused);
  if (list === NOT) return notAsSaid(rest(), store, refused);
  if (list === "rest:strange") return rest().strange.filter((id) => isOpen(store, id));
  if (list === "open") return Array.from(pool()).filter((id) => isOpen(store, id));
  if (list === "picks") {
    return store.entries.filter((each) => each.role === "pick" && !store.isDone(each.id)).map((each) => each.id);
  }
  if (list.startsWith("odd:")) return oddOf(odd(), list.slice(4), store);
  const given = list.startsWith("class:") ? Number(list.slice(6)) : 0;
  const wanted = (state) => {
    if (given) return state.kind === "label" && state.class === given;
    return list === "excluded" ? state.kind === "exclude" : !["label", "exclude"].includes(state.kind);
  };
  const found = [...store.states].filter(([, state]) => wanted(state)).map(([id]) => id);
  return isGiven(list) ? mostDoubtful(doubts, found) : found;
}

/** Where a list has no images and work goes on elsewhere: {key, n, act, way}, or null. Check images are in no list of
 *  what is still to be labeled. shown: how many images the list has; left: how many a model left; store: the labels. */
export function endOf(list, shown, { left, store }) {
  if (list === END) {
    const [act, way] = left ? ["openOnes", "grid.to_open"] : ["results", "grid.to_results"];
    return { key: "grid.still_open", n: left, act, way };
  }
  if (list !== "picks" || shown) return null;
  const n = store.entries.filter((each) => each.role === "audit" && !store.isDone(each.id)).length;
  return n ? { key: "grid.checks_open", n, act: "openOnes", way: "grid.to_checks" } : null;
}
