// What a person can do on the label page, by the names of its buttons, and by keys.
import { goTo } from "../shell/pages.js";
import { counted } from "../shell/text.js";
import { showKeys } from "./asks.js";

const MANY = 10; // classes that have a key by their place

/** Whether there are more classes than keys. */
export const hasMany = (store) => store.classes.length > MANY;

/** Name of a button (its data-act) -> what it does. */
export const actsOf = (page) => ({ ...answers(page), ...views(page) });

/** Whether the one image that is shown is left out: the key that did so puts it back. */
const isOut = ({ gridded, now, store }) => !gridded && Boolean(now) && store.stateOf(now.id)?.kind === "exclude";

function answers(page) {
  return {
    undo: () => page.back(page.store.undo()),
    redo: () => page.back(page.store.redo()),
    skip: () => (page.gridded ? page.grid.answer("skip") : page.skip()),
    flag: () => page.mark("flag"),
    exclude: () => page.mark(isOut(page) ? "clear" : "exclude"),
    clear: () => page.mark("clear"),
    accept: () => page.accept(),
    note: () => page.note(),
    previous: () => page.move(-1),
    next: () => page.move(1),
    suggest: () => page.suggest.turn(!page.suggest.on),
    train: () => goTo("train"),
    choose: () => goTo("select"),
    skipped: () => page.toSkipped(),
    endSkipped: () => page.toSkipped(),
    hideNotice: () => page.head.hush(),
    retry: () => page.store.queue.retry(),
    dismiss: () => page.store.queue.dismiss(),
    unselect: () => page.map.select([]),
    seeChosen: () => {
      page.view(true);
      page.grid.looped();
    },
    choose_these: () => page.side.chooseThese(),
    gridclear: () => page.grid.clear(),
    gridconfirm: () => page.grid.confirm(),
  };
}

function views(page) {
  const { stage, map, grid, side, parts } = page;
  return {
    fit: () => stage.fit(),
    actual: () => stage.actual(),
    smooth: () => stage.smooth(),
    closer: () => stage.zoomBy(1.25),
    farther: () => stage.zoomBy(0.8),
    mapCloser: () => map.zoom(1.4),
    mapFarther: () => map.zoom(1 / 1.4),
    mapFit: () => map.fit(),
    find: () => side.search.toggle(),
    gridfind: () => grid.search.toggle(),
    lasso: () => side.tool("lasso"),
    box: () => side.tool("box"),
    gridorder: () => grid.order(),
    openOnes: () => page.toOpen(),
    results: () => goTo("results"),
    one: () => page.view(false),
    many: () => page.view(!page.gridded || parts.many.offsetParent !== null),
    showMap: () => {
      parts.root.classList.toggle("lb-mapopen");
      map.resize();
    },
  };
}

/** Give many images the same answer that is no class. What is left out already comes back. */
export function markMany(page, ids, kind) {
  const { store } = page, back = kind === "exclude" && ids.every((id) => store.stateOf(id)?.kind === "exclude");
  const n = store.changeMany(ids, back ? "clear" : kind, null, null, "grid");
  if (!n || kind !== "exclude") return page.told(n);
  store.offer(counted(back ? "label.put_back" : "label.excluded", n), page.acts.undo);
  page.draw();
}

/** What keys.js calls. */
export function keysOf(page) {
  const { store, grid } = page;
  return {
    ...page.acts,
    give: (place) => store.classes[place] && page.give(store.classes[place].id),
    own: (letter) => store.classes.findIndex((each) => each.key && each.key === letter),
    many: () => hasMany(store),
    find: (typed) => page.finder.open(typed),
    grid: () => page.gridded,
    view: () => page.view(!page.gridded),
    escape: () => page.escape(),
    move: (step) => page.move(step),
    skip: () => page.skip(),
    add: () => page.classes.add(),
    zoom: (factor) => page.stage.zoomBy(factor),
    sheet: () => showKeys(),
    step: (step, event) => grid.move(step, event),
    row: (step, event) => grid.vertical(step, event),
    page: (step) => grid.page(step),
    toggle: () => grid.toggle(),
    all: () => grid.all(),
  };
}
