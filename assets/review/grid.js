// The review's grid: only the images on the screen are there. A click opens one; with Ctrl, Shift, the space bar or
// while several are chosen a click marks.
import { Layout } from "../images/layout.js";
import { MarkedGrid } from "../images/marked_grid.js";
import { arrange, el } from "../shell/dom.js";
import { t } from "../shell/text.js";
import { makeTile, writeTile } from "./tile.js";

const WORDS = 36; // px below an image: two lines
const MOST_TILES = 600; // that are kept, seen or not

export class ReviewGrid extends MarkedGrid {
  /** owner: {facts(id), classOf(name), open(id), changed()}. */
  constructor(owner) {
    super();
    this.owner = owner;
    this.floor = el("div", { class: "lg-floor" });
    this.host = el("div", {
      class: "lg-scroll rv-scroll",
      tabindex: "0",
      role: "listbox",
      "aria-multiselectable": "true",
      "aria-label": t("review.grid"),
    }, this.floor);
    this.layout = new Layout(WORDS);
    this.tiles = new Map();
    this.marking = false; // a click marks
    this.top = 0; // where it is scrolled to, also while it is not on the screen
    this.frame = 0;
    this.listen();
  }

  listen() {
    const { host } = this;
    host.addEventListener("click", (event) => {
      const tile = this.tileAt(event);
      if (tile) this.press(tile.fsPlace, event);
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
    if (n) host.setAttribute("aria-activedescendant", `rv-${this.ids[this.focus]}`);
    else host.removeAttribute("aria-activedescendant");
  }

  place(i) {
    const id = this.ids[i], { layout, owner } = this, marked = this.marks.has(id);
    if (!this.tiles.has(id)) this.tiles.set(id, makeTile(id));
    const tile = this.tiles.get(id);
    tile.style.transform = `translate(${layout.x(i)}px, ${layout.y(i)}px)`;
    tile.style.width = tile.firstChild.style.height = `${layout.side}px`;
    tile.fsPlace = i;
    writeTile(tile, owner.facts(id), owner.classOf);
    tile.classList.toggle("lg-selected", marked);
    tile.classList.toggle("lg-focus", i === this.focus);
    tile.setAttribute("aria-selected", String(marked));
    return tile;
  }

  /** The tile under the pointer, as makeTile made it, or null. */
  tileAt(event) {
    const tile = event.target.closest(".rv-tile");
    return tile && this.floor.contains(tile) ? /** @type {ReturnType<typeof makeTile>} */ (tile) : null;
  }

  // ---- marking and moving
  press(i, event) {
    this.host.focus({ preventScroll: true });
    this.focus = i;
    if (event.shiftKey) this.range(this.anchor, i, true);
    else if (event.ctrlKey || event.metaKey || this.marking) this.range(i, i, !this.marks.has(this.ids[i]));
    else return this.owner.open(this.ids[i]);
    this.anchor = event.shiftKey ? this.anchor : i;
    this.owner.changed();
    this.draw();
  }

  /** @override */
  moved(ranged) {
    if (ranged) this.owner.changed();
  }

  /** @override */
  remarked() {
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
