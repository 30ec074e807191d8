// Which images the review shows and in which order, and how the address says it. Arrays in, arrays out.

export const NONE = 65535; // the place of a class that is not known
/** The part of an image whose answer a person accepted as its label. */
export const ACCEPTED = 5;
export const ORDERS = ["wrong", "sure", "unsure", "doubt", "name"];
/** Split -> the parts of app/pages/results/review.py that it holds. */
export const SPLITS = { trained: [1], check: [2], since: [3], accepted: [ACCEPTED], open: [0, 4] };
export const NO_LABEL = "-";

const MOST = 65535; // the surest

/** Nothing is left out. said, label: a class by name, label also NO_LABEL; is: right, wrong, unknown; split: of SPLITS;
 *  from, to: per cent; find: a part of a file's name; list: a list of images that was put aside under that name;
 *  image: the one that is shown at large; run: 0 is the newest; than: a run whose answers stand beside, or 0. */
export const ALL = Object.freeze({
  run: 0,
  than: 0,
  said: "",
  label: "",
  is: "",
  split: "",
  from: 0,
  to: 100,
  find: "",
  list: "",
  by: "wrong",
  image: 0,
});

/** The filter of an address; what cannot be is as in ALL.
 *  @param {URLSearchParams} query
 *  @returns {ReviewFilter} */
export function readFilter(query) {
  const found = { ...ALL };
  for (const [name, usual] of Object.entries(ALL)) {
    const text = query.get(name);
    if (text === null) continue;
    const number = Number(text), kept = Number.isInteger(number) && number >= 0 ? number : usual;
    Object.assign(found, { [name]: typeof usual === "number" ? kept : text });
  }
  if (!ORDERS.includes(found.by)) found.by = ALL.by;
  if (!Object.hasOwn(SPLITS, found.split)) found.split = "";
  return { ...found, from: Math.min(100, found.from), to: Math.min(100, found.to) };
}

/** The same back: only what is not as in ALL, and what says that the review is open.
 *  @param {Partial<ReviewFilter>} filter */
export function writeFilter(filter) {
  const parts = new URLSearchParams({ see: "1" });
  for (const [name, usual] of Object.entries(ALL)) {
    const value = filter[name] ?? usual;
    if (value !== usual) parts.set(name, String(value));
  }
  return parts.toString();
}

/** What says which images are listed, and how: all of a filter but the image that is shown at large.
 *  @param {ReviewFilter} filter */
export const listOf = (filter) => writeFilter({ ...filter, image: 0 });

/** The answers with the labels of now: what an image truly is, in ``truth`` (a place in ``classes``, or NONE), and who
 *  has a label of a person, in ``labeled``.
 *  @param {ReviewColumns} columns
 *  @param {Map<number, Answer>} states
 *  @param {ClassRow[]} listed */
export function withLabels(columns, states, listed) {
  const classes = columns.classes.slice(), place = new Map(classes.map((name, i) => [name, i]));
  const truth = columns.truth.slice(), labeled = new Uint8Array(columns.n), names = new Map();
  for (const { id, name } of listed) {
    if (!place.has(name)) place.set(name, classes.push(name) - 1);
    names.set(id, place.get(name));
  }
  for (const [id, state] of states) {
    const row = columns.rows.get(id);
    if (row === undefined || state.kind !== "label" || !names.has(state.class)) continue;
    truth[row] = names.get(state.class);
    labeled[row] = 1;
  }
  return { ...columns, classes, truth, labeled };
}

/** "right", "wrong" or "unknown".
 *  @param {ReviewView} view
 *  @param {number} row */
export const judged = (view, row) =>
  view.truth[row] === NONE ? "unknown" : view.truth[row] === view.said[row] ? "right" : "wrong";

/** What is known of an image, classes by name, "" where nobody knows; null for one without an answer.
 *  @param {ReviewView} view
 *  @param {{stateOf(id: number): Answer | null}} store
 *  @param {number} id */
export function factsOf(view, store, id) {
  const row = view.rows.get(id);
  if (row === undefined) return null;
  return {
    said: view.classes[view.said[row]],
    sure: view.sure[row] / MOST,
    truth: view.truth[row] === NONE ? "" : view.classes[view.truth[row]],
    is: judged(view, row),
    part: view.part[row],
    labeled: view.labeled[row] === 1,
    state: store.stateOf(id),
  };
}

/** What another run says of an image that is ``truth`` ("" where nobody knows): {said, sure, is}, or null.
 *  @param {ReviewColumns} columns
 *  @param {number} id
 *  @param {string} truth */
export function answerIn(columns, id, truth) {
  const row = columns.rows.get(id);
  if (row === undefined) return null;
  const said = columns.classes[columns.said[row]];
  return { said, sure: columns.sure[row] / MOST, is: truth ? (said === truth ? "right" : "wrong") : "unknown" };
}

// What each part of a filter lets through: row -> whether.
function tests(view, filter, { find, list }) {
  const place = (name) => view.classes.indexOf(name), splits = SPLITS[filter.split], { said, truth, sure } = view;
  const wantedSaid = place(filter.said),
    none = filter.label === NO_LABEL,
    wantedTrue = none ? NONE : place(filter.label);
  const low = Math.floor(MOST * filter.from / 100), high = Math.ceil(MOST * filter.to / 100);
  const within = filter.from > 0 || filter.to < 100;
  return {
    said: filter.said ? (row) => said[row] === wantedSaid : null,
    label: filter.label ? (row) => truth[row] === wantedTrue : null,
    is: filter.is ? (row) => judged(view, row) === filter.is : null,
    split: splits ? (row) => splits.includes(view.part[row]) : null,
    sure: within ? (row) => sure[row] >= low && sure[row] <= high : null,
    find: find ? (row) => find.has(view.ids[row]) : null,
    list: list ? (row) => list.has(view.ids[row]) : null,
  };
}

/** The rows that a filter lets through, in its order. only: {find, list} as sets of images, or null.
 *  @param {ReviewView} view
 *  @param {ReviewFilter} filter
 *  @param {{find: Set<number> | null, list: Set<number> | null}} only */
export function matching(view, filter, only) {
  const all = Object.values(tests(view, filter, only)).filter(Boolean), kept = new Uint32Array(view.n);
  let n = 0;
  for (let row = 0; row < view.n; row++) if (all.every((test) => test(row))) kept[n++] = row;
  return ordered(view, kept.subarray(0, n), filter.by);
}

// Sorted by counting: a hundred thousand take some ms, and what is equal stays as it was.
function ordered(view, rows, by) {
  const { sure, rank, n } = view, group = { wrong: 0, unknown: 1, right: 2 };
  const keyOf = {
    wrong: (row) => group[judged(view, row)] * (MOST + 1) + MOST - sure[row],
    sure: (row) => MOST - sure[row],
    unsure: (row) => sure[row],
    doubt: (row) => MOST - (view.doubt ? view.doubt[row] : 0),
    name: (row) => rank[row],
  }[by];
  const keys = Uint32Array.from(rows, keyOf), from = new Uint32Array(Math.max(n, 3 * (MOST + 1)) + 1);
  for (const key of keys) from[key + 1]++;
  for (let key = 1; key < from.length; key++) from[key] += from[key - 1];
  const sorted = new Uint32Array(rows.length);
  for (let i = 0; i < rows.length; i++) sorted[from[keys[i]]++] = rows[i];
  return sorted;
}

/** The same as ``facets``, kept for as long as nothing is another: the filter, the labels, or the images of its lists.
 *  @param {{is: any[], found: ReturnType<typeof facets>} | null} kept */
export function countsOf(kept, view, filter, only) {
  const is = [listOf({ ...filter, by: ALL.by }), view, only.find, only.list];
  return kept && is.every((each, i) => each === kept.is[i]) ? kept : { is, found: facets(view, filter, only) };
}

/** How many images each choice of said, label, is and split would show, with the rest of the filter as it is.
 *  @returns {{said: Uint32Array, label: Uint32Array, none: number, is: Record<string, number>,
 *    split: Record<string, number>, all: number}} */
export function facets(view, filter, only) {
  const own = ["said", "label", "is", "split"], all = tests(view, filter, only);
  const rest = Object.entries(all).filter(([name, test]) => test && !own.includes(name)).map(([, test]) => test);
  const asked = own.map((name, i) => [all[name], 1 << i]).filter(([test]) => test);
  const k = view.classes.length, said = new Uint32Array(k), label = new Uint32Array(k);
  const is = { right: 0, wrong: 0, unknown: 0 }, parts = new Uint32Array(8);
  let none = 0, n = 0;
  for (let row = 0; row < view.n; row++) {
    if (!rest.every((test) => test(row))) continue;
    n++;
    let fails = 0; // bits of those of the four that leave the image out
    for (const [test, bit] of asked) if (!test(row)) fails |= bit;
    if (fails === 0 || fails === 1) said[view.said[row]]++;
    if (fails === 0 || fails === 2) {
      if (view.truth[row] === NONE) none++;
      else label[view.truth[row]]++;
    }
    if (fails === 0 || fails === 4) is[judged(view, row)]++;
    if (fails === 0 || fails === 8) parts[view.part[row]]++;
  }
  const sum = (places) => places.reduce((total, part) => total + parts[part], 0);
  const split = Object.fromEntries(Object.entries(SPLITS).map(([name, places]) => [name, sum(places)]));
  return { said, label, none, is, split, all: n };
}
