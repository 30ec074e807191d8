// The way through the queue: which image comes next. entries: the queue; answered(id): "label", "skip", "flag" or "".

/** The place of the next image without an answer behind ``from``: later ones first, then from the start; picks before
 *  check images. -1: there is none. */
export function nextOpen(entries, answered, from) {
  const n = entries.length, open = (entry) => !answered(entry.id);
  const picksOpen = entries.some((entry) => entry.role === "pick" && open(entry));
  return next(n, from, (i) => open(entries[i]) && !(picksOpen && entries[i].role !== "pick"));
}

/** The same of those that were skipped. */
export function nextSkipped(entries, answered, from) {
  return next(entries.length, from, (i) => answered(entries[i].id) === "skip");
}

function next(n, from, fits) {
  for (let step = 1; step <= n; step += 1) {
    const i = (from + step) % n;
    if (fits(i)) return i;
  }
  return -1;
}

/** Whether the image in hand, which waited when the grid was opened, got its answer there and another one is open. The
 *  page notes as ``due`` which one waited. */
export function afterGrid(page, many) {
  const { now, answered, place, store } = page, waits = now && !answered(now.id);
  if (many) page.due = waits ? now.id : 0;
  return !many && now && !waits && page.due === now.id && nextOpen(store.entries, answered, place) >= 0;
}

/** Where work goes on: what has no answer yet, then what was skipped, else the end. */
export function firstPlace(entries, answered) {
  const last = entries.length - 1, open = nextOpen(entries, answered, last);
  const at = open < 0 ? nextSkipped(entries, answered, last) : open;
  return at < 0 ? last : at;
}

/** Whether the page stays where it is when its queue is another one. round: other images were chosen; open: the image
 *  that is shown has no answer yet; looked: the page is on the screen; busy: images are marked in the grid. In a new
 *  round an image that has its answer is not what a key is meant for: the first open one is. */
export function keepsPlace({ round, open, looked, busy }) {
  return !round || (looked && (open || busy));
}

/** What will be looked at next, in the likeliest order. */
export function upcoming(entries, answered, place) {
  const list = [nextOpen(entries, answered, place), ...[1, 2, 3, 4, 5, -1].map((step) => place + step)];
  return list.filter((i) => i >= 0 && i < entries.length).map((i) => entries[i]);
}
