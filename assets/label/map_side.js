// The side of the label page's map: its colours and marks, the search by name or words, and the dots chosen by a loop.
import { addByHand } from "../images/by_hand.js";
import { classColour, classShape, el } from "../shell/dom.js";
import { keepSession, keptSession } from "../shell/kept.js";
import { toast } from "../shell/notices.js";
import { redraw } from "../shell/redraw.js";
import { api } from "../shell/server.js";
import { counted } from "../shell/text.js";
import { chosenBar } from "./map_chosen.js";
import { BAKED, COLOURS, paintingOf, paintKey, roleOf } from "./map_colours.js";
import { Legend } from "./map_legend.js";
import { ImageSearch } from "./search.js";

const FEW = 60; // images labeled beside the chosen ones: more of them get smaller marks
const KEPT = 20000; // chosen dots that outlive a reload
const LONGEST = 3600; // s: longer than this nobody looked at one image

export class MapSide {
  /** changed() draws the page again. */
  constructor(parts, store, suggest, map, changed) {
    this.parts = parts;
    this.store = store;
    this.suggest = suggest;
    this.map = map;
    this.changed = changed;
    this.groups = null; // images that belong together, asked for when they are shown
    this.painted = "";
    this.chosen = [];
    this.relabel = false; // chosen images that have a label get another one
    this.since = 0;
    this.legend = new Legend(parts.legend, () => this.draw());
    const found = (ids) => map.select(ids), left = () => map.select([]);
    this.search = new ImageSearch(parts, "search", "label.map_search", { found, left });
    this.listen();
    const mode = keptSession("colour"), before = keptSession("selected");
    this.legend.mode = COLOURS.includes(mode) ? mode : "label";
    if (this.mode !== "label") this.colourBy(this.mode);
    if (Array.isArray(before) && before.length) map.select(before);
  }

  listen() {
    const { colour } = this.parts;
    colour.addEventListener("change", () => {
      if (!colour.matches(":focus-visible")) colour.blur(); // chosen by mouse: keys are for classes again
      this.colourBy(colour.value);
    });
  }

  get mode() {
    return this.legend.mode;
  }

  draw() {
    const { store, suggest, groups, mode, legend } = this, columns = suggest.columns();
    const isHidden = (key) => legend.isHidden(key);
    const look = { mode, groups, store, suggest, columns, isHidden, hidden: legend.hidden };
    this.map.setMarks(this.marks());
    this.paint(look);
    legend.draw({ ...look, pool: this.map.data ? this.map.data.n : 0, current: this.map.current > 0 });
    this.drawChosen();
  }

  /** Mark the image in hand; 0: there is none. */
  look(id) {
    const other = Boolean(this.map.current) !== Boolean(id);
    this.map.setCurrent(id);
    if (other) this.draw();
  }

  // ---- marks: what the queue and the labels say
  marks() {
    const { store } = this, below = [], above = [];
    const add = (id, state, shape) => {
      const mark = this.markOf(id, state, shape);
      if (mark) (mark.shape === "ring" || mark.shape === "disc" ? above : below).push(mark);
    };
    for (const entry of store.entries) add(entry.id, store.stateOf(entry.id), "disc");
    if (store.states.size > BAKED) return below.concat(above);
    const beside = store.states.size - store.entries.length > FEW ? "dot" : "disc";
    for (const [id, state] of store.states) if (roleOf(store, id) === null) add(id, state, beside);
    return below.concat(above);
  }

  markOf(id, state, shape) {
    if (!state) return { id, shape: "ring" };
    if (state.kind === "exclude") return null;
    if (state.kind !== "label") return { id, shape: state.kind === "skip" ? "cross" : "flag" };
    const each = this.store.classOf(state.class);
    if (!each || this.legend.isHidden(each.id)) return null;
    return { id, shape, colour: classColour(each), form: classShape(each) };
  }

  // ---- colours of the dots
  paint(look) {
    const data = this.map.data;
    if (!data) return;
    const key = paintKey(look, data);
    if (key === this.painted) return;
    this.painted = key;
    const painting = paintingOf(look, data);
    if (painting) this.map.paint(painting.index, painting.palette, painting.alpha);
    else this.map.paint(null, [], null);
  }

  async colourBy(mode) {
    this.legend.mode = mode;
    keepSession("colour", mode);
    this.parts.colour.value = mode;
    if (mode === "group" && !this.groups) {
      const buffer = await api("/groups", undefined, { raw: true }).catch((error) => {
        toast(error);
        return new ArrayBuffer(0);
      });
      const n = buffer.byteLength / 5;
      this.groups = { ids: new Int32Array(buffer, 0, n), of: new Uint8Array(buffer, 4 * n, n) };
    }
    this.draw();
  }

  // ---- dots chosen on the map
  chose(ids) {
    this.chosen = ids;
    this.since = performance.now();
    this.relabel = false;
    keepSession("selected", ids.length <= KEPT ? ids : null);
    this.changed();
  }

  parted() { // who of the chosen gets a label now
    const rest = this.chosen.filter((id) => roleOf(this.store, id) !== "audit");
    const open = rest.filter((id) => !this.store.isDone(id));
    const checks = this.chosen.length - rest.length, have = rest.length - open.length;
    return { checks, have, free: this.relabel ? rest : open };
  }

  free() {
    return this.parted().free;
  }

  /** Seconds that each of n took, since they were chosen. */
  seconds(n) {
    return Math.min(LONGEST, (performance.now() - this.since) / 1000 / n);
  }

  drawChosen() {
    const { parts, store, chosen } = this, n = chosen.length, { checks, have, free } = this.parted();
    parts.chosen.hidden = !n;
    const add = store.selection ? free.filter((id) => roleOf(store, id) === null && !store.isDone(id)).length : 0;
    const key = [n, chosen[0], chosen[n - 1], checks, have, free.length, this.relabel, add];
    redraw(parts.chosen, n ? key : [], () => n ? chosenBar({ n, checks, have, free, add, also: this.also(have) }) : "");
  }

  chooseThese() { // the dots of the loop are to be labeled one by one
    return addByHand(this.chosen, () => {
      this.map.select([]);
      this.store.load().catch(toast);
    });
  }

  also(have) {
    const onchange = (event) => {
      this.relabel = event.target.checked;
      this.changed();
    };
    const box = el("input", { type: "checkbox", checked: this.relabel, onchange });
    return have ? el("label", {}, box, counted("label.also", have)) : "";
  }

  tool(kind) {
    const now = this.map.tool === kind ? "" : kind;
    this.map.setTool(now);
    for (const each of ["lasso", "box"]) this.parts[each].setAttribute("aria-pressed", String(now === each));
  }
}
