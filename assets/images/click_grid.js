// A grid whose images open at a double click: only those on the screen are there. A click selects as in a file manager.
import { arrange, el } from "../shell/dom.js";
import { Layout } from "./layout.js";
import { MarkedGrid } from "./marked_grid.js";

const WORDS = 36; // px below an image: two lines
const MOST_TILES = 600; // that are kept, seen or not

/** A tile: its node, with the image's place among those that are shown.
 *  @typedef {HTMLElement & {fsPlace: number, fsId: number}} Tile */

/** What one adds: makes and writes its tiles, and says what a click does. */
export class ClickGrid extends MarkedGrid {
  /** name: of its classes and ids; label: what it is called; owner: {open(id), changed(), took?(id): a click has
   *  selected that one alone}. */
  constructor(name, label, owner) {
    super();
    this.name = name;
    this.owner = owner;
    this.floor = el("div", { class: "lg-floor" });
    this.host = el("div", {
      class: `lg-scroll ${name}-scroll`,
      tabindex: "0",
      role: "listbox",
      "aria-multiselectable": "true",
      "aria-label": label,
    }, this.floor);
    this.layout = new Layout(WORDS);
    this.tiles = new Map();
    this.marking = false; // each click, or touch, selects one more
    this.alone = false; // the one that is marked was clicked: it goes where the arrows go
    this.top = 0; // where it is scrolled to, also while it is not on the screen
    this.frame = 0;
    this.listen();
  }

  // ---- what one of them adds of its own
  /** The node of an image, of the class NAME-tile and the id NAME-ID.
   *  @param {number} id
   *  @returns {any} */
  make(id) {
    return el("div", { class: `lg-tile ${this.name}-tile`, role: "option", id: `${this.name}-${id}` });
  }

  /** Write what is known below an image, where it is not written yet. */
  write(_tile, _id) {}

  listen() {
    const { host } = this;
    host.addEventListener("click", (event) => {
      const tile = this.tileAt(event);
      if (!tile) return;
      // A finger has no second button and no keys: it opens, as on a phone.
      if (event.pointerType === "touch" && !this.marking) this.owner.open(tile.fsId);
      else this.press(tile.fsPlace, event);
    });
    host.addEventListener("dblclick", (event) => {
      const tile = this.tileAt(event), plain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
      if (tile && plain && !this.marking) this.owner.open(tile.fsId);
    });
    host.addEventListener("scroll", () => this.draw(), { passive: true });
    this.watcher = new ResizeObserver(() => this.draw());
    this.watcher.observe(host);
  }

  destroy() {
    this.watcher.disconnect();
  }

  /** Show these images; from the top where they are others than before. */
  show(ids, top = 0) {
    this.ids = ids;
    const there = new Set(ids);
    for (const id of this.marks) if (!there.has(id)) this.marks.delete(id);
    Object.assign(this, { focus: 0, anchor: 0 });
    this.paint();
    this.host.scrollTop = top;
    this.draw();
  }

  // ---- drawing
  /** @override */
  draw() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.frame = 0;
    const { host, layout } = this, n = this.ids.length;
    if (!host.clientWidth) return;
    layout.fit(host.clientWidth);
    this.floor.style.height = `${layout.height(n)}px`;
    this.top = host.scrollTop;
    const [from, to] = layout.drawn(n, host.scrollTop, host.clientHeight), tiles = [];
    for (let i = from; i < to; i++) tiles.push(this.place(i));
    arrange(this.floor, tiles);
    if (this.tiles.size > MOST_TILES) {
      for (const [id, node] of this.tiles) if (!node.isConnected) this.tiles.delete(id);
    }
    if (n) host.setAttribute("aria-activedescendant", `${this.name}-${this.ids[this.focus]}`);
    else host.removeAttribute("aria-activedescendant");
  }

  place(i) {
    const id = this.ids[i], { layout } = this, marked = this.marks.has(id);
    if (!this.tiles.has(id)) this.tiles.set(id, this.make(id));
    const tile = this.tiles.get(id);
    tile.style.transform = `translate(${layout.x(i)}px, ${layout.y(i)}px)`;
    tile.style.width = tile.firstChild.style.height = `${layout.side}px`;
    Object.assign(tile, { fsPlace: i, fsId: id });
    this.write(tile, id);
    tile.classList.toggle("lg-selected", marked);
    tile.classList.toggle("lg-focus", i === this.focus);
    tile.setAttribute("aria-selected", String(marked));
    return tile;
  }

  /** The tile under the pointer, or null. */
  tileAt(event) {
    const tile = event.target.closest(`.${this.name}-tile`);
    return tile && this.floor.contains(tile) ? /** @type {Tile} */ (tile) : null;
  }

  // ---- marking and moving
  press(i, event) {
    this.host.focus({ preventScroll: true });
    this.focus = i;
    this.pick(i, event.ctrlKey || event.metaKey || this.marking, event.shiftKey);
    this.alone = this.marks.size === 1 && !this.marking;
    if (this.alone && this.owner.took) this.owner.took(this.ids[i]);
    this.owner.changed();
    this.draw();
  }

  /** @override */
  move(step, event) {
    if (this.alone && !event.shiftKey && !event.ctrlKey) this.marks.clear();
    if (this.alone && !event.shiftKey) this.owner.changed();
    this.alone = false;
    super.move(step, event);
  }

  /** @override */
  moved(ranged) {
    if (ranged) this.owner.changed();
  }

  /** @override */
  remarked() {
    this.alone = false;
    this.owner.changed();
  }

  /** What a key is meant for: the marked images in the grid's order, else the one in hand. */
  meant() {
    if (this.marks.size) return this.ids.filter((id) => this.marks.has(id));
    return this.ids.length ? [this.ids[this.focus]] : [];
  }

  /** Take an image into hand. */
  take(id) {
    const at = this.ids.indexOf(id);
    if (at < 0) return;
    this.focus = this.anchor = at;
    this.reveal();
  }
}
