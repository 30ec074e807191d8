// The Label page: shows what the store knows, turns keys and clicks into changes of it.
import { Stage } from "../images/stage.js";
import { loadOdd } from "../images/odd.js";
import { openStore } from "../images/store.js";
import { PoolMap } from "../map/map.js";
import { app } from "../shell/app.js";
import { calm } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { keepSession, keptSession } from "../shell/kept.js";
import { toast } from "../shell/notices.js";
import { onState, refreshState } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { describe, drawAnswer, drawName, known } from "./about.js";
import { actsOf, hasMany, keysOf, markMany } from "./acts.js";
import { askNote } from "./asks.js";
import { ClassList } from "./class_list.js";
import { Finder } from "./finder.js";
import { buildFrame } from "./frame.js";
import { Grid } from "./grid.js";
import { Head } from "./head.js";
import { addImport, importButton } from "./import.js";
import { listenToKeys } from "./keys.js";
import { MapSide } from "./map_side.js";
import { loadRest } from "./rest.js";
import { Strip } from "./strip.js";
import { Suggestions } from "./suggest.js";
import { afterGrid, firstPlace, keepsPlace, nextOpen, nextSkipped, upcoming } from "./way.js";

const KEYS_REST = 1500; // ms in which no key gives a class after another window has changed what keys mean
const LONGEST = 3600; // s: longer than this nobody looked at one image
const whenIdle = globalThis.requestIdleCallback || ((work) => setTimeout(work, 1));
const hundredths = (seconds) => Math.round(seconds * 100) / 100;

/** The piece "label". */
export function labelPage(root) {
  const page = new LabelPage(root);
  page.start();
  return () => page.destroy();
}

class LabelPage {
  constructor(root) {
    this.parts = buildFrame(root);
    this.now = null; // the image that is shown
    this.place = 0; // in the queue
    this.shown = 0; // since when
    this.look = { scale: 1, fit: true, smooth: true };
    this.gridded = false;
    this.rest = null; // what a model left, once somebody reviews it
    this.odd = null; // the odd images, once the grid was shown
    this.frame = 0;
    this.gone = false;
    const { store, close } = openStore((what) => this.changed(what));
    this.store = store;
    this.closeStore = close;
    this.suggest = new Suggestions(this.store, () => this.draw());
    this.head = new Head(this.parts, this.store, () => this.draw());
    this.build();
    this.map = this.makeMap();
    this.grid = this.makeGrid();
    this.side = new MapSide(this.parts, this.store, this.suggest, this.map, () => this.draw());
    this.acts = actsOf(this);
    this.listen(root);
  }

  build() {
    const { parts, store } = this, give = (classId) => this.give(classId), host = parts.classes.parentNode;
    this.stage = new Stage(parts.stage, (look) => {
      this.look = look;
      if (this.now) drawName(parts, this.now, look, this.suggest);
    });
    this.strip = new Strip(parts.strip, (id) => this.show(id));
    this.classes = new ClassList(parts.classes, store, { give, redraw: () => this.drawClasses() });
    addImport(host, store);
    parts.empty.append(importButton(store));
    this.finder = new Finder(host, () => store.classes, give);
  }

  makeMap() {
    return new PoolMap(this.parts.map, {
      label: t("label.map_alt"),
      name: "label",
      onPick: (id) => this.open(id),
      describe: (id) => describe(id, this),
      onPicture: () => {
        if (this.gridded) this.grid.refresh(false);
        this.draw();
      },
      onSelect: (ids) => this.side && this.chose(ids),
    });
  }

  makeGrid() {
    return new Grid(this.parts, {
      store: this.store,
      suggest: this.suggest,
      rest: () => this.rest,
      pool: () => (this.map.data ? this.map.data.ids : []),
      odd: () => this.odd,
      picked: () => this.side.chosen,
      open: (id) => this.open(id),
      look: (id) => this.side.look(id),
      give: (ids, classId, source, seconds) => this.giveMany(ids, classId, source, seconds),
      mark: (ids, kind) => markMany(this, ids, kind),
    });
  }

  start() {
    this.store.start().then(async () => {
      if (!this.now) this.changed("queue"); // another page had read it before this one was made
      if (keptSession("rest")) this.rest = await loadRest(keptSession("rest")).catch(() => null);
      if (keptSession("grid")) this.view(true);
      this.jump();
    }, async (error) => {
      await refreshState();
      if (!app.state || !app.state.problem) toast(error); // of an address of no project the Project page tells
    });
  }

  destroy() {
    this.gone = true;
    this.ends.forEach((end) => end());
    this.closeStore();
    for (const each of [this.head, this.suggest, this.stage, this.grid, this.map]) each.destroy();
  }

  listen(root) {
    const { parts } = this, jump = () => this.jump();
    parts.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-act]");
      if (button && !button.disabled) this.acts[button.dataset.act]();
    });
    parts.root.querySelectorAll("[data-act]").forEach(calm);
    parts.gridlist.addEventListener("change", () => {
      this.grid.choose(parts.gridlist.value);
      if (!parts.gridlist.matches(":focus-visible")) parts.gridscroll.focus();
    });
    parts.one.setAttribute("aria-pressed", "true");
    parts.many.setAttribute("aria-pressed", "false");
    document.addEventListener("fs:label", jump);
    this.ends = [
      listenToKeys(root, () => this.store.loaded && !this.store.turning, keysOf(this)),
      onState((state) => {
        this.map.follow(state.map);
        if (this.store.loaded) this.store.follow(state).catch((error) => toast(error));
      }),
      () => document.removeEventListener("fs:label", jump),
    ];
  }

  // ---- moving about
  answered = (id) => (this.store.isDone(id) ? this.store.stateOf(id).kind : "");

  async show(id) {
    this.parts.root.classList.remove("lb-mapopen");
    const item = this.store.items.get(id) || await this.store.item(id).catch((error) => {
      toast(error);
      return null;
    });
    if (!item) return;
    this.now = item;
    if (item.at >= 0) this.place = item.at;
    this.shown = performance.now();
    this.stage.show(item);
    this.draw();
    whenIdle(() => this.stage.ahead(upcoming(this.store.entries, this.answered, this.place)));
  }

  open(id) {
    this.view(false);
    this.show(id);
  }

  // Another page may ask for an image, app.wish.image = id, for what is open, or for what a run left, app.wish.rest =
  // run, then the event "fs:label".
  jump() {
    const { image, open, rest } = app.wish;
    if (!this.store.loaded) return; // asked again when it is
    app.wish.image = 0;
    app.wish.open = false;
    app.wish.rest = 0;
    if (rest) this.review(rest).catch(toast);
    else if (image) this.open(image);
    else if (open) this.toOpen();
  }

  async review(run) { // what its model left, the surest first
    this.rest = await loadRest(run);
    keepSession("rest", run);
    this.view(true);
    this.grid.review();
  }

  leaveRest() { // other images were chosen: these are what is to be labeled now
    this.rest = null;
    keepSession("rest", 0);
    if (this.gridded) this.grid.refresh(true);
  }

  toOpen() { // where work goes on, one by one
    const { entries } = this.store, here = this.now && this.now.at >= 0 && !this.answered(this.now.id);
    this.view(false);
    if (!here && entries.length && !this.store.turning) this.show(entries[firstPlace(entries, this.answered)].id);
  }

  toSkipped() {
    const to = nextSkipped(this.store.entries, this.answered, this.place);
    if (to >= 0) this.open(this.store.entries[to].id);
  }

  move(step) {
    const beside = this.now && this.now.at < 0 && step > 0; // from an image beside the queue back into it
    const to = Math.max(0, Math.min(this.store.entries.length - 1, this.place + (beside ? 0 : step)));
    if (this.store.entries[to]) this.show(this.store.entries[to].id);
  }

  advance(among) { // among the skipped ones when one goes through them
    const { entries } = this.store, open = nextOpen(entries, this.answered, this.place);
    const to = open < 0 && among ? nextSkipped(entries, this.answered, this.place) : open;
    return to >= 0 ? this.show(entries[to].id) : this.draw();
  }

  view(many) {
    if (many === this.gridded) return;
    this.gridded = many;
    this.parts.root.classList.toggle("lb-gridmode", many);
    const next = afterGrid(this, many), { one, many: grid } = this.parts;
    for (const each of [one, grid]) each.setAttribute("aria-pressed", String(many === (each === grid)));
    keepSession("grid", many);
    this.map.resize();
    this.grid.show(many);
    if (many) return this.readOdd();
    if (next) return this.advance();
    if (this.now) this.stage.show(this.now);
    this.draw();
  }

  async readOdd() { // for the lists of the grid; what nobody has measured has none
    this.odd = await loadOdd().catch(() => this.odd);
    if (this.gridded && !this.gone) this.grid.refresh(false);
  }

  chose(ids) { // on the map
    this.side.chose(ids);
    if (this.gridded || ids.length !== 1) this.grid.looped(); // one that is clicked opens; the grid shows several
  }

  escape() {
    if (this.side.chosen.length) this.map.select([]);
    else if (this.map.tool) this.side.tool(this.map.tool);
    else if (this.gridded) this.grid.clear();
  }

  // ---- answers
  guess = () => {
    const { now } = this;
    return now && now.role !== "audit" && !this.store.stateOf(now.id) ? this.suggest.of(now.id) : null;
  };

  answer(kind, classId = undefined, source = undefined) {
    if (!this.now || !this.stage.isSeen(kind !== "label")) return; // the key was meant for the image before
    const seconds = Math.min(LONGEST, (performance.now() - this.shown) / 1000), was = this.store.stateOf(this.now.id);
    if (this.store.change(this.now.id, kind, classId, hundredths(seconds), source)) {
      if (kind === "label") this.head.pace(seconds);
      this.map.grow(this.now.id);
      if (kind === "exclude") this.store.offer(counted("label.excluded", 1), this.acts.undo);
      else this.tellChange(this.now, was);
    }
    if (kind === "clear") this.draw();
    else this.advance(Boolean(was && was.kind === "skip"));
  }

  give(classId) {
    if (performance.now() - this.store.movedAt < KEYS_REST) return; // it was meant for the class before
    this.classes.flash(classId);
    const marked = this.gridded && this.grid.marks.size > 0; // some of those that the map has selected, perhaps
    if (this.side.chosen.length && !marked) this.giveChosen(classId);
    else if (this.gridded) this.grid.give(classId);
    else this.answer("label", classId);
  }

  giveMany(ids, classId, source, seconds) {
    this.classes.flash(classId);
    const [first] = ids, was = this.store.stateOf(first);
    const n = this.store.changeMany(ids, "label", classId, hundredths(seconds), source);
    if (n === 1 && ids.length === 1) this.tellChange(this.store.items.get(first) || { id: first, path: "" }, was);
    this.told(n, classId);
  }

  tellChange(item, was) { // a label that was there is another one now: said, and undone with one key
    const now = this.store.stateOf(item.id);
    if (!was || was.kind !== "label" || !now) return;
    const name = (state) => this.store.classOf(state.class)?.name || t(`label.state_${state.kind}`);
    const words = { image: item.path.split("/").pop(), was: name(was), now: name(now) };
    this.store.offer(t("label.changed_one", words), this.acts.undo);
  }

  giveChosen(classId) {
    const free = this.side.free();
    if (!free.length) return;
    this.giveMany(free, classId, "map", this.side.seconds(free.length));
    this.map.select([]);
  }

  told(n, classId = 0) { // many at once: said, and undone in one
    const name = classId ? this.store.classOf(classId).name : "";
    if (n > 1 && classId) this.store.offer(t("label.gave_many", { n: fmt.int(n), name }), this.acts.undo);
    else if (n > 1 || (n && this.gridded)) toast(counted("label.changed_many", n));
    this.draw();
  }

  accept() {
    if (this.gridded) return this.grid.confirm();
    const found = this.guess();
    if (!found || !this.store.classOf(found.class)) return;
    this.classes.flash(found.class);
    this.answer("label", found.class, "suggestion");
  }

  skip() {
    if (!this.now) return;
    const state = this.store.stateOf(this.now.id);
    if (state && state.kind === "label") this.move(1); // never throws a label away
    else this.answer("skip");
  }

  mark(kind) {
    if (this.gridded) this.grid.answer(kind);
    else this.answer(kind);
  }

  back(items) { // images of a step that was undone or done again
    if (!items.length) return;
    if (this.gridded) this.grid.refresh(false);
    if (items.length === 1 && !this.gridded) this.show(items[0]);
    else {
      this.told(items.length);
      if (this.now && !this.gridded) this.show(this.now.id);
    }
  }

  async note() {
    if (!this.now) return;
    try {
      if (await askNote(this.now)) this.draw();
    } catch (error) {
      toast(error);
    }
  }

  // ---- drawing
  changed(what) {
    if (what === "sync") return this.head.sync();
    if (what === "keys") toast(t("label.keys_moved"), "bad");
    if (what === "round" && this.rest) this.leaveRest();
    if (what === "queue" || what === "round") this.keepPlace(what === "round");
    this.draw();
  }

  keepPlace(round) { // the queue may be another one
    const { entries, items } = this.store;
    const same = this.now && (items.get(this.now.id) || (this.now.role === null && this.now));
    this.parts.root.classList.toggle("lb-none", !entries.length);
    this.parts.root.querySelector(".lb-panes").removeAttribute("aria-busy"); // which of the two it shows is known now
    const looked = Boolean(this.parts.root.offsetParent), busy = this.gridded && this.grid.marks.size > 0;
    const open = Boolean(same) && same.at >= 0 && !this.answered(same.id);
    if (same) this.now = same; // what is known of it may have changed
    if (!entries.length || (same && keepsPlace({ round, open, looked, busy }))) return;
    this.view(false);
    this.show(entries[firstPlace(entries, this.answered)].id);
  }

  // The image has the next frame for itself; all that stands around it follows a moment later.
  draw() {
    this.frame = this.frame || requestAnimationFrame(() => setTimeout(() => this.drawNow()));
  }

  drawNow() {
    this.frame = 0;
    if (!this.store.loaded || this.gone) return;
    if (this.now && !this.gridded) this.map.setCurrent(this.now.id);
    this.head.draw(this.gridded ? null : this.now, this.gridded && Boolean(this.rest));
    this.drawClasses();
    this.side.draw();
    this.suggest.follow();
    if (this.gridded) return this.grid.follow();
    if (this.now) drawName(this.parts, this.now, this.look, this.suggest);
    drawAnswer(this.parts, this.now, known(this.now, this));
    this.strip.draw(this.store, this.place);
  }

  drawClasses() {
    const { store, now } = this, state = now && !this.gridded && store.stateOf(now.id);
    this.classes.draw(state && state.kind === "label" ? state.class : null);
    const single = store.classes.find((each) => store.counts.get(each.id) === 1);
    const many = hasMany(store) ? t("label.type_letters") : "";
    const advice = single ? t("label.one_label", { name: single.name }) : many;
    this.parts.advice.textContent = store.classes.length ? advice : t("label.first_class");
  }
}
