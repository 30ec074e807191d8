// The map of the pool: dots below, marks on a 2-D overlay above. Pan, wheel zoom, pinch, hover, click.
//   const map = new PoolMap(host, {onPick(id), describe(id) -> {title, line, hint} | null, label, onSelect(ids), name})
//   map.follow(state.map)   loads the picture when it is new; the view stays unless the picture is another one
//   map.setMarks([{id, shape: "ring|disc|dot|pick|check|gap|cross|flag", colour, form}]), map.setCurrent(id)
//   map.paint(index, palette, alpha)   the colours of the dots
//   map.setTool("lasso" | "box" | ""), map.select(ids): the dots of a loop or box, shown against the paler rest
//   name: under it the view is kept over a reload of the window
import { el } from "../shell/dom.js";
import { keepSession, keptSession } from "../shell/kept.js";
import { t } from "../shell/text.js";
import { Card } from "./card.js";
import { Gestures } from "./gestures.js";
import { Lasso, rowsInside } from "./lasso.js";
import { drawnBy, makeLayer } from "./layer.js";
import { pens } from "./marks.js";
import { loadPicture } from "./picture.js";
import { PlainLayer } from "./plain.js";
import { Colours, tints } from "./tints.js";
import { View } from "./view.js";

const REACH = 12, TOUCH = 24; // px within which a click means a dot
const GROWTH = 120; // ms that a mark just given grows
const HINT_STAYS = 2000; // ms
const RESTS = 150; // ms without a movement, from which on all dots are drawn again

export class PoolMap {
  constructor(host, options) {
    this.host = host;
    this.options = options;
    this.view = new View();
    this.colours = new Colours(host);
    this.loop = new Lasso();
    this.card = new Card(options.describe);
    /** @type {Picture | null} */
    this.data = null;
    this.wanted = ""; // key of the picture that was asked for
    this.wantedIds = null; // what is to be selected when the picture is there
    this.painting = null;
    /** @type {Uint8Array | null} */
    this.selected = null; // a byte a dot
    /** @type {Mark[]} */
    this.marks = [];
    this.marked = new Set();
    this.current = 0;
    this.born = new Map(); // image -> when its mark was given
    this.tool = "";
    this.frame = 0;
    this.stale = true; // the dots have to be drawn too
    this.gone = false;
    this.hinted = null;
    this.moves = null; // the timer that runs while the picture moves
    this.some = false; // whether some of its dots are not drawn meanwhile
    this.build();
    this.listen();
    // The benches of the page measure on the map that was made.
    host.dispatchEvent(new CustomEvent("fs:map", { bubbles: true, detail: this }));
  }

  build() {
    const base = el("canvas", { class: "fm-base", "aria-hidden": "true" });
    this.top = el("canvas", { class: "fm-top", role: "img", "aria-label": this.options.label || "" });
    this.note = el("p", { class: "fm-note", hidden: true });
    this.hint = el("p", { class: "fm-note fm-wheel", hidden: true }, t("map.wheel"));
    this.none = el("p", { class: "fm-empty" }, t("map.none"));
    this.host.classList.add("fm");
    this.host.append(base, this.top, this.card.node, this.note, this.hint, this.none);
    this.pen = this.top.getContext("2d");
    this.dots = makeLayer(base);
    this.canvas = this.dots.canvas;
    if (!drawnBy()) this.say(t("map.simple"));
  }

  listen() {
    this.canvas.addEventListener("webglcontextlost", (event) => this.drawPlainly(event));
    new Gestures(this.top, {
      grab: (px, py, event) => this.grab(px, py, event),
      pull: (px, py) => {
        this.loop.extend(px, py);
        this.remark();
      },
      drop: (aborted) => this.drop(aborted),
      hover: (px, py) => this.showCard(this.find(px, py, REACH), px, py),
      leave: () => this.showCard(0, 0, 0),
      drag: (dx, dy) => {
        this.view.drag(dx, dy);
        this.showCard(0, 0, 0);
        this.remember();
        this.moved();
      },
      zoom: (factor, px, py) => this.zoom(factor, px, py),
      pass: () => this.showHint(),
      click: (px, py, touch) => {
        const id = this.find(px, py, touch ? TOUCH : REACH);
        if (id && this.options.onPick) this.options.onPick(id);
      },
    });
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(this.host);
    document.addEventListener("fs:theme", this.recolour);
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.moves);
    this.watcher.disconnect();
    document.removeEventListener("fs:theme", this.recolour);
    this.dots.destroy();
    this.host.replaceChildren();
  }

  // ---- the picture
  follow(map) {
    const key = map && map.kind ? `${map.kind}:${map.key}` : "";
    if (!key || key === this.wanted) return;
    this.wanted = key;
    loadPicture(key).then((picture) => {
      if (this.wanted === key && !this.gone) this.show(picture);
    }, () => {
      this.wanted = "";
    });
  }

  show(picture) {
    const another = !this.data || this.data.kind !== picture.kind;
    const ids = this.selected && this.data && Array.from(this.data.ids).filter((_, row) => this.selected[row]);
    this.selected = null; // its rows are those of the old picture
    this.data = picture;
    this.none.hidden = true;
    this.dots.setPoints(picture.xy);
    this.recolour();
    this.resize();
    if (!this.view.moved) {
      this.fitQuietly();
      if (this.options.name) this.view.recall(keptSession(this.options.name), picture.kind);
    } else if (another) this.fit();
    if (this.options.onPicture) this.options.onPicture(picture);
    const chosen = this.wantedIds || ids;
    if (chosen) this.select(chosen);
    this.wantedIds = null;
  }

  // ---- the view
  fit() {
    this.fitQuietly();
    this.remember();
  }

  fitQuietly() {
    this.view.fit(this.data ? this.data.width : 2, this.data ? this.data.height : 2);
    this.redraw();
  }

  zoom(factor, px = undefined, py = undefined) {
    this.view.zoom(factor, px, py);
    this.remember();
    this.moved();
  }

  // While it moves, fewer of very many dots are drawn.
  moved() {
    clearTimeout(this.moves);
    this.moves = setTimeout(() => {
      this.moves = null;
      if (this.some) this.redraw();
    }, RESTS);
    this.redraw();
  }

  remember() {
    if (this.options.name && this.data) keepSession(this.options.name, this.view.keepsake(this.data.kind));
  }

  resize() {
    const box = this.host.getBoundingClientRect(), ratio = Math.min(window.devicePixelRatio || 1, 2);
    if (!this.view.resize(box.width, box.height, ratio)) return;
    for (const each of [this.canvas, this.top]) {
      each.width = Math.round(box.width * ratio);
      each.height = Math.round(box.height * ratio);
    }
    if (this.view.moved) this.redraw();
    else this.fitQuietly();
  }

  /** Where an image's dot lies in the window, or null.
   *  @returns {[number, number] | null} */
  toScreen(id) {
    const row = this.data ? this.data.rows.get(id) : undefined;
    return row === undefined ? null : this.view.toScreen(this.data.xy[2 * row], this.data.xy[2 * row + 1]);
  }

  // ---- drawing
  redraw() {
    this.stale = true;
    this.remark();
  }

  /** Draw the marks in the next frame; the dots stay as they are. */
  remark() {
    if (!this.frame && !this.gone) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    const { view, pen } = this;
    if (!view.w) return;
    if (this.stale) this.some = this.dots.draw(view, view.dotSize(this.data ? this.data.n : 0), this.moves !== null);
    this.stale = false;
    pen.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    pen.clearRect(0, 0, view.w, view.h);
    if (!this.data) return;
    for (const mark of this.marks) {
      const at = this.toScreen(mark.id);
      if (at && view.shows(at)) this.drawMark(mark, at, this.grown(mark.id));
    }
    const hovered = this.card.id !== this.current ? this.card.id : 0;
    if (this.current) this.drawMark({ shape: "current" }, this.toScreen(this.current));
    if (hovered) this.drawMark({ shape: "hover" }, this.toScreen(hovered));
    this.loop.draw(pen, this.colours.css);
    if (this.born.size) this.remark();
  }

  drawMark(mark, at, grown = 1) {
    if (at) pens.draw({ pen: this.pen, css: this.colours.css }, mark, at[0], at[1], grown);
  }

  /** How large a mark is drawn: one just given grows. */
  grown(id) {
    const since = this.born.get(id);
    if (since === undefined) return 1;
    const part = (performance.now() - since) / GROWTH;
    if (part >= 1) this.born.delete(id);
    return Math.min(1, 0.4 + 0.6 * part);
  }

  recolour = () => {
    this.colours.forget();
    if (this.data) this.dots.setColours(tints(this.data.n, this.painting, this.selected, this.colours.rgba));
    this.redraw();
  };

  // A driver that dies takes the WebGL picture with it: go on with plain pixels.
  drawPlainly(event) {
    event.preventDefault();
    if (this.gone) return;
    const twin = this.canvas.cloneNode();
    this.canvas.replaceWith(twin);
    this.canvas = twin;
    this.dots = new PlainLayer(twin);
    this.say(t("map.simple"));
    if (!this.data) return;
    this.dots.setPoints(this.data.xy);
    this.recolour();
  }

  say(text) {
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  showHint() {
    this.hint.hidden = false;
    clearTimeout(this.hinted);
    this.hinted = setTimeout(() => {
      this.hint.hidden = true;
    }, HINT_STAYS);
  }

  // ---- marks and colours
  setMarks(list) {
    this.marks = list;
    this.marked = new Set(list.map((mark) => mark.id));
    this.remark();
  }

  setCurrent(id) {
    if (id === this.current) return;
    this.current = id;
    this.remark();
  }

  grow(id) {
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) this.born.set(id, performance.now());
    this.remark();
  }

  /** index: for each dot its place in palette (none: the pool's grey); alpha: 0..255 for each dot, or null. */
  paint(index, palette, alpha) {
    this.painting = index && { index, palette, alpha };
    this.recolour();
  }

  // ---- the pointer
  get hovered() {
    return this.card.id;
  }

  // What the legend hides is neither found nor chosen.
  seen = (row) => !this.painting || !this.painting.alpha || this.painting.alpha[row] > 0;

  find(px, py, reach) { // marks first: they lie on top and are what one aims at
    if (!this.data) return 0;
    const { nearest, ids } = this.data, [x, y] = this.view.toMap(px, py), far = reach / this.view.k;
    let row = nearest(x, y, far, (i) => this.marked.has(ids[i]));
    if (row < 0) row = nearest(x, y, far, this.seen);
    return row < 0 ? 0 : ids[row];
  }

  showCard(id, px, py) {
    if (this.card.show(id, px, py, this.view)) this.remark();
    this.top.style.cursor = id ? "pointer" : "";
    if (id && this.options.onHover) this.options.onHover(id);
  }

  setTool(kind) {
    this.tool = kind;
    this.top.classList.toggle("fm-drawing", Boolean(kind));
  }

  grab(px, py, event) {
    const kind = this.tool || (event.shiftKey && this.options.onSelect ? "box" : "");
    if (!kind) return false;
    this.loop.begin(kind, px, py);
    this.showCard(0, 0, 0);
    return true;
  }

  drop(aborted) {
    const path = this.loop.end();
    if (this.data && !aborted) this.choose(rowsInside(path, this.data.xy, this.view).filter(this.seen));
    else this.remark();
  }

  select(ids) {
    if (!this.data) this.wantedIds = ids;
    else this.choose(ids.map((id) => this.data.rows.get(id)).filter((row) => row !== undefined));
  }

  choose(rows) {
    this.selected = rows.length ? new Uint8Array(this.data.n) : null;
    for (const row of rows) this.selected[row] = 1;
    this.recolour();
    this.options.onSelect?.(Array.from(rows, (row) => this.data.ids[row]));
  }
}
