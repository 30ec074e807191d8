// The review: the images behind a figure, in a grid with filters, large at a click, mended where they are seen.
// What is shown stands in the address, so that Back and a reload lead to where one was.
import { movesOf } from "../images/marked_grid.js";
import { oddIn, whyOdd } from "../images/odd.js";
import { openStore } from "../images/store.js";
import { app } from "../shell/app.js";
import { fmt } from "../shell/format.js";
import { keepSession, keptSession } from "../shell/kept.js";
import { errorBox, toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { onState, stampNow } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { canStepBack, keepList, keptList, note, seen } from "./address.js";
import { AnswersMap } from "./answers_map.js";
import { loadColumns } from "./columns.js";
import { labelsIn, stillDoubted } from "../images/doubted.js";
import { countsOf, factsOf, listOf, matching, withLabels } from "./filter.js";
import { buildFrame } from "./frame.js";
import { ReviewGrid } from "./grid.js";
import { press, showReviewKeys } from "./keys.js";
import { Lightbox } from "./lightbox.js";
import { Side } from "./side.js";
import { beside, LINES, listWords } from "./than.js";
import { doubtOf, loadSuspects, withDoubts } from "../images/doubts.js";

const EVENTS = ["hashchange", "popstate"], HUES = 36; // colours with shapes

export class Review {
  /** root: the piece, told by the class "seeing" that the review is open; shown() -> {run, key}: the run that Results
   *  shows, and what has to change before its answers can be others; null while there is none;
   *  left(): it was closed. */
  constructor(root, shown, left) {
    this.root = root;
    this.shown = shown;
    this.left = left;
    this.filter = null;
    /** @type {ReviewColumns} */
    this.columns = null;
    this.other = null; // the answers of the run beside it
    /** @type {ReviewView} */
    this.view = null;
    this.suspects = null; // labels that are likely wrong, once they are asked for
    this.given = new Map(); // the labels that this was worked out from
    this.doubts = null; // those of labels that are the same still
    this.asked = ""; // which answers were asked for
    this.stamp = ""; // of the moment at which the review was opened
    this.finding = /** @type {Promise<void> | null} */ (null); // names that were asked for
    this.only = { find: null, list: null, found: "", name: "", kept: false, odd: null };
    this.ids = [];
    this.rows = new Uint32Array(0); // of these
    this.counts = null; // what ``counted`` found
    this.later = null; // the map follows a moment later
    const { store, close } = openStore((what) => what !== "sync" && this.relabel());
    this.store = store;
    this.closeStore = close;
    this.side = new Side((part) => this.set(part));
    this.grid = new ReviewGrid({
      facts: (id) => this.factsOf(id),
      classOf: (name) => this.classOf(name),
      open: (id) => this.go(id),
      changed: () => this.drawBar(),
    });
    this.map = new AnswersMap("review", {
      facts: (id) => this.factsOf(id),
      pick: (id) => this.go(id),
      choose: (ids) => this.set({ list: keepList("map", ids) }),
      narrow: (part) => this.set(this.narrowed(part)),
    });
    this.box = new Lightbox(this.boxOwner());
    this.parts = buildFrame(this);
    this.node = this.parts.node;
    this.listen();
  }

  boxOwner() {
    return {
      store: this.store,
      ids: () => this.ids,
      run: () => this.run(),
      kind: () => (this.view ? this.view.kind : ""),
      factsOf: (id) => this.factsOf(id),
      classOf: (name) => this.classOf(name),
      own: (sign) => this.own(sign),
      go: (id) => this.go(id),
      close: () => this.closeImage(),
      give: (ids, classId) => this.give(ids, classId),
      mark: (ids, kind) => this.mark(ids, kind),
      undo: () => this.step("undo"),
      redo: () => this.step("redo"),
    };
  }

  listen() {
    const sync = () => this.sync(), keys = (event) => this.onKey(event);
    for (const name of EVENTS) addEventListener(name, sync);
    document.addEventListener("fs:page", sync);
    document.addEventListener("keydown", keys, true);
    const off = onState((state) => this.filter && this.store.loaded && this.store.follow(state).catch(toast));
    this.ends = [
      off,
      () => document.removeEventListener("keydown", keys, true),
      () => document.removeEventListener("fs:page", sync),
      () => EVENTS.forEach((name) => removeEventListener(name, sync)),
    ];
  }

  destroy() {
    this.ends.forEach((end) => end());
    this.box.hide();
    this.grid.destroy();
    this.map.destroy();
    this.closeStore();
  }

  // ---- what is shown
  run() {
    return (this.filter && this.filter.run) || this.shown()?.run || 0;
  }

  /** Do what the address says. Called whenever it, or what Results shows, may be another. */
  sync() {
    const wanted = app.page === "results" ? seen() : null, now = this.shown();
    if (!wanted || !now) return this.hide();
    const opens = !this.filter, before = this.filter && listOf(this.filter);
    this.filter = wanted;
    this.root.classList.add("seeing");
    if (opens) Object.assign(this, { stamp: stampNow(), suspects: null, doubts: null });
    const run = wanted.run || now.run, key = `${now.key}:${this.stamp}`;
    const other = `${run}:${wanted.than}:${key}` !== this.asked;
    if (other) this.read(run, wanted.than, key);
    else if (opens || before !== listOf(wanted)) this.refill();
    if (!other) this.showImage();
  }

  hide() {
    if (!this.filter) return;
    this.keepPlace();
    this.filter = null;
    this.box.hide();
    this.root.classList.remove("seeing");
    this.left();
  }

  /** Whether the images are on the screen, in place of the panes of Results. */
  get isShown() {
    return Boolean(this.filter);
  }

  async read(run, than, key) {
    const name = `${run}:${than}:${key}`;
    this.asked = name;
    try {
      const both = [loadColumns(run, key), than ? loadColumns(than, key) : null];
      const [columns, other] = await Promise.all([...both, this.store.start()]);
      if (this.asked !== name) return;
      Object.assign(this, { columns, other });
      this.parts.trouble.replaceChildren();
      this.relabel();
      this.refill();
      this.showImage();
    } catch (error) {
      this.asked = "";
      this.parts.trouble.replaceChildren(errorBox(error));
    }
  }

  set(part) {
    if (!this.filter) return;
    this.keepPlace();
    this.filter = { ...this.filter, ...part };
    note(this.filter);
    this.refill();
  }

  async refill() {
    if (!this.columns || !this.filter) return;
    const { filter } = this;
    if (filter.list !== this.only.name) {
      const ids = filter.list ? keptList(filter.list) : null, odd = await oddIn(filter.list);
      if (this.filter?.list !== filter.list) return; // another one is shown meanwhile
      const list = filter.list ? new Set(ids || []) : null;
      Object.assign(this.only, { name: filter.list, list, kept: Boolean(ids), odd });
    }
    if (filter.find || this.only.found) await this.findNames(filter.find);
    if (filter.by === "doubt" && !this.suspects) await this.suspect();
    const address = listOf(filter);
    if (!this.filter || address !== listOf(this.filter)) return; // changed meanwhile: that one is drawn
    const rows = matching(this.view, filter, this.only), at = keptSession("review");
    this.rows = rows;
    this.ids = Array.from(Int32Array.from(rows, (row) => this.view.ids[row]));
    this.grid.layout.words = filter.than ? LINES.two : LINES.one;
    this.grid.show(this.ids, at && at.address === address ? at.top : 0);
    this.draw();
  }

  /** Who waits for the same names waits for the same answer. */
  findNames(text) {
    if (text !== this.only.found) {
      Object.assign(this.only, { found: text, find: null });
      this.finding = text ? this.askNames(text) : null;
    }
    return this.finding;
  }

  async askNames(text) {
    try {
      const { ids } = await api(`/find?name=${encodeURIComponent(text)}`);
      if (this.only.found === text) this.only.find = new Set(ids);
    } catch (error) {
      toast(error);
    }
  }

  /** A choice of the legend: again to take it back. */
  narrowed(part) {
    const [[name, value]] = Object.entries(part);
    return { [name]: this.filter[name] === value ? "" : value };
  }

  async suspect() {
    try {
      const given = labelsIn(this.store.states);
      this.suspects = await loadSuspects(stampNow());
      this.given = given;
      this.relabel();
    } catch (error) {
      toast(error);
    }
  }

  keepPlace() {
    if (!this.filter) return;
    keepSession("review", { address: listOf(this.filter), top: this.grid.top });
  }

  // ---- one image
  go(id) {
    const first = !this.filter.image;
    this.filter = { ...this.filter, image: id };
    note(this.filter, first);
    this.showImage();
  }

  closeImage() {
    if (canStepBack()) return history.back();
    this.filter = { ...this.filter, image: 0 };
    note(this.filter);
    this.showImage();
  }

  showImage() {
    const { image } = this.filter || {};
    if (image) return this.box.show(image);
    if (!this.box.isOpen) return;
    const last = this.box.from;
    this.box.hide();
    this.grid.take(last);
    this.grid.host.focus({ preventScroll: true });
  }

  // ---- labels
  /** Labels are others than they were: what is shown stays, and says so. */
  relabel() {
    if (!this.columns) return;
    this.doubts = stillDoubted(this.suspects, this.given, this.store.states);
    this.view = withDoubts(withLabels(this.columns, this.store.states, this.store.classes), this.doubts);
    this.grid.draw();
    if (this.filter) this.draw();
    this.box.draw();
  }

  factsOf(id) {
    const found = this.view ? factsOf(this.view, this.store, id) : null, than = this.filter?.than || 0;
    const both = found && beside(this.other, { run: this.run(), than }, id, found.truth);
    const why = { doubt: found?.labeled ? doubtOf(this.doubts, id) : null, odd: whyOdd(this.only.odd, id) };
    return found && { ...found, ...both, ...why };
  }

  classOf(name) { // one that is gone gets a colour behind those that are there
    const { classes } = this.store, place = this.view ? this.view.classes.indexOf(name) : 0;
    return classes.find((each) => each.name === name) || { name, colour: (classes.length + place) % HUES };
  }

  own(sign) {
    return this.store.classes.findIndex((each) => each.key && each.key === sign);
  }

  give(ids, classId) {
    const each = this.store.classOf(classId), was = ids.length === 1 ? this.factsOf(ids[0]) : null;
    if (!each || !ids.length) return;
    const seconds = this.box.isOpen ? this.box.seconds() : null;
    const n = this.store.changeMany(ids, "label", classId, seconds, "results");
    if (!n) return;
    const words = { was: was && was.labeled ? was.truth : "", now: each.name };
    this.tell(
      n === 1 && ids.length === 1
        ? t(words.was ? "review.was" : "review.is_now", words)
        : counted("review.gave", n, { name: each.name }),
    );
  }

  mark(ids, kind) {
    const states = ids.map((id) => this.store.stateOf(id)), all = states.every((each) => each && each.kind === kind);
    const n = ids.length ? this.store.changeMany(ids, all ? "clear" : kind, null, null, "results") : 0;
    if (n) this.tell(this.wordsOf(kind, all, n));
  }

  wordsOf(kind, all, n) {
    if (kind === "exclude") return counted(all ? "label.put_back" : "label.excluded", n);
    return kind === "clear" || all ? t("review.no_more") : t("review.is_now", { now: t(`label.state_${kind}`) });
  }

  tell(words) {
    this.box.forget();
    this.box.said = words;
    this.grid.marks.clear();
    this.relabel();
    this.drawBar();
    if (!this.box.isOpen) this.store.offer(words, () => this.step("undo"));
  }

  step(which) {
    const items = this.store[which]();
    this.box.forget();
    this.box.said = "";
    this.relabel();
    if (this.box.isOpen && items.length === 1 && items[0] !== this.box.id) this.go(items[0]);
  }

  // ---- drawing
  draw() {
    if (!this.view || !this.filter || this.filter.list !== this.only.name) return; // its images are on their way
    const { parts, view, filter, ids } = this, n = ids.length;
    const listed = filter.list && listWords(filter, this.run(), this.only, this.doubts);
    this.side.draw({
      filter,
      view,
      listed,
      found: this.counted(),
      classOf: (name) => this.classOf(name),
    });
    parts.count.textContent = counted("review.count", n, { total: fmt.int(view.n) });
    parts.order.value = filter.by;
    parts.none.hidden = n > 0;
    this.drawBar();
    clearTimeout(this.later);
    this.later = setTimeout(() => this.filter && this.drawMap(), 0); // the images are painted first
  }

  /** How many images each choice would show; counted again only when these can be others. */
  counted() {
    this.counts = countsOf(this.counts, this.view, this.filter, this.only);
    return this.counts.found;
  }

  drawMap() {
    const { parts, view, rows } = this;
    if (!parts.isMapShown()) return;
    this.map.follow();
    this.map.update(view, rows.length < view.n ? rows : null, (name) => this.classOf(name));
  }

  drawBar() {
    const { parts, grid, store } = this, n = grid.marks.size, names = store.classes.map(({ id, name }) => [id, name]);
    parts.bar.hidden = !n;
    parts.open.hidden = n !== 1;
    parts.marked.textContent = counted("review.marked", n);
    parts.fillClasses(names);
    parts.several.setAttribute("aria-pressed", String(grid.marking));
  }

  // ---- keys
  onKey(event) {
    if (!this.filter || app.page !== "results" || document.querySelector("dialog[open], [role=menu]")) return;
    const meant = () => this.grid.meant(), { store, grid } = this;
    press(event, {
      ...movesOf(grid),
      own: (sign) => this.own(sign),
      give: (place) => store.classes[place] && this.give(meant(), store.classes[place].id),
      flag: () => this.mark(meant(), "flag"),
      exclude: () => this.mark(meant(), "exclude"),
      clear: () => this.mark(meant(), "clear"),
      undo: () => this.step("undo"),
      redo: () => this.step("redo"),
      sheet: showReviewKeys,
      all: () => grid.all(),
      Space: () => grid.toggle(),
      Enter: () => grid.ids.length && this.go(grid.ids[grid.focus]),
      Slash: () => this.side.search.focus(),
      Escape: () => (grid.marks.size ? grid.clear() : this.leave()),
    });
  }

  leave() {
    this.keepPlace();
    location.hash = "results";
  }
}
