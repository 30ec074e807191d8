// The grid: many images at once, only those on the screen are there. They are selected as in a file manager; in a list
// "looks like X" what is selected is wrong, and one key gives X to the others that were seen.
import { Layout } from "../images/layout.js";
import { MarkedGrid } from "../images/marked_grid.js";
import { doubtOf } from "../images/doubts.js";
import { labelsIn } from "../images/doubted.js";
import { showTwin, twinOf, whyOdd } from "../images/odd.js";
import { arrange, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { toast } from "../shell/notices.js";
import { counted, t } from "../shell/text.js";
import {
  END,
  endOf,
  firstList,
  FOUND,
  isGiven,
  isNot,
  isOpen,
  isRest,
  likeOf,
  listsOf,
  membersOf,
  ON_MAP,
  stillOpen,
} from "./grid_lists.js";
import { drawEnd, fillLists, suspectsOrWhyNot } from "./grid_words.js";
import { makeTile, tileWords } from "./grid_tile.js";
import { ImageSearch } from "./search.js";
import { Refusals } from "./refusals.js";

const MOST_TILES = 600; // that are kept, seen or not
const LONGEST = 3600; // s: longer than this nobody looked at one image

export class Grid extends MarkedGrid {
  /** owner: {store, suggest, rest() -> Rest | null, pool() -> ids, odd() -> what images/odd.js tells,
   *  picked() -> images that are selected on the map, open(id),
   *  look(id) is called with the image in hand, 0 for none, give(ids, classId, source, seconds), mark(ids, kind)}. */
  constructor(parts, owner) {
    super();
    this.parts = parts;
    this.owner = owner;
    this.store = owner.store;
    this.suggest = owner.suggest;
    this.host = parts.gridscroll;
    this.floor = el("div", { class: "lg-floor" });
    this.host.append(this.floor);
    this.layout = new Layout();
    this.tiles = new Map();
    this.list = "";
    this.own = false; // the person chose the list
    this.order = null; // of all that looked like its class when the list was made
    this.sure = true;
    this.doubts = null; // of the labels, where the most doubtful come first
    this.given = new Map(); // the labels that these were worked out from
    this.refused = new Refusals();
    this.found = []; // what a search has found
    const search = { found: (ids) => this.searched(ids), left: () => this.searched([]) };
    this.search = new ImageSearch(parts, "gridsearch", "grid.search", search);
    this.seen = 0; // so many from the first on can be confirmed: they were on the screen, with their pictures
    this.reached = 0; // so many were on the screen
    this.painted = new Map(); // image -> whether its picture could be shown
    this.drag = null; // {from, yes, before}
    this.frame = 0;
    this.since = performance.now();
    this.left = 0; // so many of what a model left are open
    this.isShown = false;
    this.listen();
  }

  listen() {
    const { host } = this;
    host.addEventListener("pointerdown", (event) => this.pressAt(event));
    host.addEventListener("click", (event) => {
      const tile = event.pointerType === "touch" && this.tileAt(event);
      if (!tile) return;
      this.press(tile.fsPlace, { ctrlKey: true });
      this.drag = null;
    });
    host.addEventListener("pointermove", (event) => {
      const tile = this.drag && event.buttons & 1 && this.tileAt(event);
      if (tile) this.pull(tile.fsPlace);
    });
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, this.stopDrag);
    host.addEventListener("dblclick", (event) => {
      const tile = this.tileAt(event);
      if (tile) this.owner.open(tile.fsId);
    });
    host.addEventListener("scroll", () => this.draw(), { passive: true });
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(host);
  }

  destroy() {
    this.watcher.disconnect();
    for (const end of ["pointerup", "pointercancel"]) removeEventListener(end, this.stopDrag);
  }

  // ---- which images
  get like() {
    return likeOf(this.list);
  }

  /** Who says what the images of the list are. */
  get says() {
    return isRest(this.list) ? this.owner.rest() : this.suggest;
  }

  show(yes) {
    this.isShown = yes;
    if (!yes) return;
    if (this.waits()) this.list = "";
    const newer = this.like > 0 && !this.marks.size && this.order !== this.says.list(this.like);
    this.refresh(newer || !this.ids.length);
    this.host.focus({ preventScroll: true });
  }

  review() { // what a model left, from its longest list on
    this.own = false;
    this.list = END;
    this.refresh(true);
  }

  choose(name) {
    this.own = true; // another list never takes its place
    this.list = name;
    this.marks.clear();
    if (!this.isShown) this.ids = []; // once it is shown, from its beginning
    this.refresh(true);
  }

  looped() { // what is selected on the map is looked at before it gets a class, now or once the grid is shown
    if (this.owner.picked().length) return this.choose(ON_MAP);
    if (this.list !== ON_MAP) return;
    this.own = false;
    this.list = "";
    this.refresh(true);
  }

  searched(ids) {
    this.found = ids;
    if (ids.length) this.choose(FOUND);
    else if (this.list === FOUND) this.refresh(true);
    this.host.focus({ preventScroll: true }); // now a key gives them a class
  }

  async order() {
    if (isGiven(this.list)) {
      this.given = labelsIn(this.store.states);
      this.doubts = this.doubts ? null : await suspectsOrWhyNot();
    } else this.sure = !this.sure;
    this.marks.clear();
    this.refresh(true);
  }

  // The list stays as it is while somebody looks at it: new suggestions sort the next one.
  refresh(again) {
    if (!this.isShown) return;
    this.refused.follow((id) => isOpen(this.store, id));
    const lists = this.lists(), all = Object.values(lists).flat();
    const reviews = this.owner.rest() && (isRest(this.list) || this.list === END),
      ends = reviews && !lists.model.length;
    const other = ends ? this.list !== END : !all.some(([name]) => name === this.list);
    if (other) this.list = ends ? END : firstList(lists);
    if (ends) lists.model.push([END, t("grid.rest_end")]);
    fillLists(this.parts.gridlist, lists, this.list);
    this.countLeft();
    if (again || other) this.order = this.like ? this.says.list(this.like) : null;
    const { sure, doubts, found, order } = this;
    this.ids = membersOf(this.list, { ...this.owner, refused: this.refused.of, sure, doubts, found, order });
    const there = this.marks.size ? new Set(this.ids) : null;
    for (const id of this.marks) if (!there.has(id)) this.marks.delete(id);
    if (again || other) {
      this.host.scrollTop = 0;
      Object.assign(this, { seen: 0, reached: 0, focus: 0, anchor: 0, since: performance.now() });
    }
    this.focus = Math.min(this.focus, Math.max(0, this.ids.length - 1));
    this.reached = Math.min(this.reached, this.ids.length);
    this.draw();
  }

  countLeft() { // of what a model left: all that have no answer, whatever list is shown
    const left = isRest(this.list) || this.list === END ? this.owner.rest() : null;
    this.left = left ? stillOpen(left, this.store) : 0;
  }

  lists() {
    return listsOf({ ...this.owner, refused: this.refused.of, found: this.found });
  }

  waits() { // for suggestions
    return !this.own && !this.like && !isRest(this.list) && this.list !== END;
  }

  follow() { // answers from elsewhere
    if (!this.isShown) return;
    this.countLeft();
    if (this.waits() && !this.ids.length && this.lists().like.length) {
      this.list = "";
      return this.refresh(true);
    }
    const open = (id) => isOpen(this.store, id),
      all = !this.like && !isRest(this.list) && !["open", "picks"].includes(this.list);
    const left = all ? this.ids : this.ids.filter(open);
    const moves = this.list === END ? this.lists().model.length : (isRest(this.list) || this.like) && !left.length;
    if (moves) return this.refresh(true); // another list has images
    if (left.length !== this.ids.length) {
      const gone = this.ids.slice(0, this.reached).filter((id) => !open(id)).length;
      this.ids = left;
      this.reached = Math.max(0, this.reached - gone);
      for (const id of [...this.marks]) if (!open(id)) this.marks.delete(id);
      this.focus = Math.min(this.focus, Math.max(0, left.length - 1));
    }
    this.draw();
  }

  // ---- drawing
  /** @override */
  draw() {
    if (!this.frame && this.isShown) this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frame = 0;
    const { host, layout } = this, n = this.ids.length;
    if (!this.isShown || !host.clientWidth) return;
    layout.fit(host.clientWidth);
    const under = this.covered(), high = host.clientHeight;
    this.floor.style.height = `${layout.height(n) + under}px`; // the last row can be scrolled out from under the bar
    this.reached = layout.seen(n, this.reached, host.scrollTop, high - under);
    const [from, to] = layout.drawn(n, host.scrollTop, high), tiles = [];
    for (let i = from; i < to; i++) tiles.push(this.place(i));
    arrange(this.floor, tiles);
    this.countSeen(tiles);
    if (this.tiles.size > MOST_TILES) {
      for (const [id, node] of this.tiles) if (!node.isConnected) this.tiles.delete(id);
    }
    if (n) host.setAttribute("aria-activedescendant", `lg-${this.ids[this.focus]}`);
    else host.removeAttribute("aria-activedescendant");
    this.owner.look(n ? this.ids[this.focus] : 0);
    this.drawWords();
  }

  // What is not painted yet has not been seen, whatever row it lies in.
  countSeen(tiles) {
    for (const { fsId: id, fsPicture: picture } of tiles) {
      if (picture.complete) this.painted.set(id, picture.naturalWidth > 0);
      else picture.onload = picture.onerror = () => this.draw();
    }
    this.seen = 0;
    while (this.seen < this.reached && this.painted.has(this.ids[this.seen])) this.seen += 1;
  }

  /** px at the bottom that the bar lies over.
   *  @override */
  covered() {
    const bar = this.parts.gridbar;
    bar.hidden = !this.ids.length || (!this.like && !this.marks.size);
    return bar.hidden || getComputedStyle(bar).position === "static" ? 0 : bar.offsetHeight + 16;
  }

  place(i) {
    const id = this.ids[i], like = this.like, marked = this.marks.has(id), { layout, store } = this;
    const not = isNot(this.list), odd = this.list === "odd:twin" ? this.owner.odd() : null;
    if (!this.tiles.has(id)) this.tiles.set(id, makeTile(id));
    const tile = this.tiles.get(id), classOf = (each) => store.classOf(each);
    tile.style.transform = `translate(${layout.x(i)}px, ${layout.y(i)}px)`;
    tile.style.width = tile.firstChild.style.height = `${layout.side}px`;
    tile.fsPlace = i;
    showTwin(tile.fsPicture.parentNode, twinOf(odd, id));
    const known = { not, found: this.says.of(id), state: store.stateOf(id), like: like ? classOf(like) : null };
    const why = this.list.startsWith("odd:") ? whyOdd(this.owner.odd(), id, this.list.slice(4)) : this.doubtWords(id);
    const words = why || tileWords({ marked, classOf, ...known });
    if (tile.lastChild.textContent !== words) tile.lastChild.textContent = words;
    tile.classList.toggle("lg-wrong", marked && Boolean(like));
    tile.classList.toggle("lg-selected", marked && !like);
    tile.classList.toggle("lg-focus", i === this.focus);
    tile.setAttribute("aria-selected", String(like ? !marked : marked));
    tile.setAttribute("aria-label", t("grid.tile", { n: i + 1, total: this.ids.length, words }));
    return tile;
  }

  // What the others say of its label, where that is the order.
  doubtWords(id) {
    const same = this.store.stateOf(id)?.class === this.given.get(id);
    const doubt = same && isGiven(this.list) ? doubtOf(this.doubts, id) : null;
    return !doubt ? "" : doubt.twin ? t("review.tile_twin") : t("review.tile_doubt", { other: doubt.other });
  }

  drawWords() {
    const { parts, like } = this, n = this.ids.length, marked = this.marks.size, end = endOf(this.list, n, this);
    drawEnd(parts.gridend, end);
    const each = like ? this.store.classOf(like) : null, rest = like ? this.confirmable().length : 0;
    const total = fmt.int(n), found = { n: fmt.int(this.seen), total };
    const counts = like ? t("grid.seen", found) : t(n === 1 ? "grid.total_one" : "grid.total", { total });
    const why = this.suggest.on && this.suggest.reason();
    const all = isRest(this.list) ? counted("grid.left", this.left) : "";
    parts.gridcount.textContent = [n ? counts : t("grid.none"), all].filter(Boolean).join(", ");
    parts.gridhint.textContent = n ? t(like ? "grid.hint_like" : "grid.hint") : end ? "" : why || t("grid.hint_none");
    const given = isGiven(this.list),
      order = given ? (this.doubts ? "doubted" : "given_order") : this.sure ? "surest" : "unsurest";
    parts.gridorder.hidden = !like && !given;
    parts.gridorder.textContent = t(`grid.${order}`);
    const key = like ? "grid.marked" : marked === 1 ? "grid.selected_one" : "grid.selected";
    parts.gridmarked.textContent = t(key, { n: fmt.int(marked) });
    parts.gridclear.hidden = !marked;
    parts.gridpress.textContent = marked ? t(like ? "grid.press_wrong" : "grid.press") : "";
    parts.gridconfirm.hidden = !like;
    parts.gridconfirm.disabled = !rest;
    if (!each) return;
    const confirm = { n: fmt.int(rest), name: each.name };
    parts.gridconfirmtext.textContent = t(rest === 1 ? "grid.confirm_one" : "grid.confirm", confirm);
  }

  // ---- marking
  confirmable() {
    return this.ids.slice(0, this.seen).filter((id) => !this.marks.has(id) && this.painted.get(id));
  }

  /** The tile under the pointer, as makeTile made it, or null. */
  tileAt(event) {
    const hit = document.elementFromPoint(event.clientX, event.clientY), tile = hit && hit.closest(".lg-tile");
    return tile && this.floor.contains(tile) ? /** @type {ReturnType<typeof makeTile>} */ (tile) : null;
  }

  pressAt(event) {
    const tile = this.tileAt(event), touch = event.pointerType === "touch";
    if (event.button || !tile) return;
    if (!touch) event.preventDefault();
    this.host.focus({ preventScroll: true });
    if (!touch) this.press(tile.fsPlace, event);
  }

  press(i, event) {
    // A mark says "not this": a plain click that took back the others would have them named wrongly.
    const one = event.ctrlKey || event.metaKey || this.like > 0, before = new Set(one ? this.marks : []);
    this.pick(this.focus = i, one, event.shiftKey);
    this.drag = event.shiftKey ? null : { from: i, yes: this.marks.has(this.ids[i]), before };
    this.draw();
  }

  pull(i) {
    this.marks = new Set(this.drag.before);
    this.range(this.drag.from, i, this.drag.yes);
    this.focus = i;
    this.draw();
  }

  stopDrag = () => {
    this.drag = null;
  };

  // ---- answers
  /** Seconds that each of n images took, since they were shown. */
  seconds(n) {
    return Math.min(LONGEST, Math.round((performance.now() - this.since) / 10) / 100 / n);
  }

  taken() { // the marked images, in the grid's order; then none is marked
    const some = this.ids.filter((id) => this.marks.has(id));
    this.marks.clear();
    return some;
  }

  confirm() {
    const like = this.like, rest = like ? this.confirmable() : [];
    if (!rest.length) return;
    this.refused.add(like, this.marks, rest[0]);
    this.marks.clear();
    this.owner.give(rest, like, "grid", this.seconds(rest.length));
    this.refresh(true);
  }

  give(classId) { // the marked images get this class; without any, the grid shows what looks like it
    const like = `${isRest(this.list) ? "rest" : "like"}:${classId}`;
    if (!this.marks.size) return like !== this.list && this.has(like) ? this.choose(like) : this.sayFirst();
    const some = this.taken();
    this.owner.give(some, classId, "grid", this.seconds(some.length));
    this.refresh(false);
    this.since = performance.now();
  }

  has(list) {
    return membersOf(list, { ...this.owner, refused: this.refused.of, sure: this.sure }).length > 0;
  }

  sayFirst() { // a key had nothing that it could be for
    toast(t(this.like ? "grid.mark_first" : "grid.select_first"));
  }

  answer(kind) {
    if (!this.marks.size) return this.sayFirst();
    this.owner.mark(this.taken(), kind);
    this.refresh(false);
  }
}
