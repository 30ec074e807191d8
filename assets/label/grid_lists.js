// Which images the grid shows, and in which order.
import { t } from "../shell/text.js";

/** The class that a list "like:ID" is about; 0 for other lists. */
export const likeOf = (list) => (list.startsWith("like:") ? Number(list.slice(5)) : 0);

/** Whether an image waits for an answer here: check images are never answered by what they look like. */
export const isOpen = (store, id) => !store.isDone(id) && store.items.get(id)?.role !== "audit";

/** The lists there are, as [name, words, images]: what looks like a class, the rest, what has a class. */
export function listsOf({ store, suggest, pool }) {
  const like = store.classes
    .map((each) => [`like:${each.id}`, t("grid.like", { name: each.name }), suggest.list(each.id).length])
    .filter(([, , n]) => n);
  const open = pool().length ? [["open", t("grid.open")]] : [];
  const given = store.classes
    .filter((each) => store.counts.get(each.id) > 0)
    .map((each) => [`class:${each.id}`, t("grid.class", { name: each.name })]);
  return { like, rest: [["picks", t("grid.picks")], ...open, ["skipped", t("grid.skipped")]], given };
}

/** The list that looks like the class with most images; the picks where nothing looks like any. */
export function firstList(lists) {
  const [longest] = lists.like.slice().sort((a, b) => b[2] - a[2]);
  return longest ? longest[0] : "picks";
}

/** The images of a list, in order. refused: class -> images that are not it; sure: the surest come first. */
export function membersOf(list, { store, suggest, pool, refused, sure }) {
  const like = likeOf(list);
  if (like) {
    const not = refused.get(like) || new Set();
    const found = suggest.list(like).filter((id) => isOpen(store, id) && !not.has(id));
    return sure ? found : found.reverse();
  }
  if (list === "open") return Array.from(pool()).filter((id) => isOpen(store, id));
  if (list === "picks") {
    return store.entries.filter((each) => each.role === "pick" && !store.isDone(each.id)).map((each) => each.id);
  }
  const given = list.startsWith("class:") ? Number(list.slice(6)) : 0;
  const wanted = (state) => (given ? state.kind === "label" && state.class === given : state.kind !== "label");
  return [...store.states].filter(([, state]) => wanted(state)).map(([id]) => id);
}
