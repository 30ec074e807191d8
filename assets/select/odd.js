// Odd images before choosing: how many there are, and a grid of them in which they are left out in one step.
import { ClickGrid } from "../images/click_grid.js";
import { movesOf } from "../images/marked_grid.js";
import { loadOdd, oddOf, oddStamp, oddWords, showTwin, twinOf, twinsOf, whyOdd } from "../images/odd.js";
import { openStore } from "../images/store.js";
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { toast } from "../shell/notices.js";
import { thumbUrl } from "../shell/pictures.js";
import { redraw } from "../shell/redraw.js";
import { startRun } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { isPending } from "./progress.js";

const KINDS = ["unlike", "blurred", "dark", "bright", "tiny", "twin"];
const OUT = "excluded"; // the list of what is left out
const TYPING = "input, textarea, select, [contenteditable], [role=menu]";
const CONTROL = "button, a, summary, [role=button]"; // keeps Space and Enter for itself
const TWINS = 4; // images nearly the same as one that are shown with it
const PER_IMAGE = 0.005; // s that measuring one takes, on a slow machine

class OddGrid extends ClickGrid {
  constructor(owner) {
    super("so", t("odd.grid"), owner);
  }

  /** @override */
  make(id) {
    const image = el("img", { src: thumbUrl(id), alt: "", draggable: "false" });
    const tile = super.make(id);
    tile.append(el("span", { class: "lg-picture" }, image), el("span", { class: "lg-words" }));
    return tile;
  }

  /** The picture of what an image repeats leads there.
   *  @override */
  press(i, event) {
    const twin = event.target.closest(".lg-twin");
    super.press(i, event);
    if (twin) this.owner.open(Number(twin.dataset.twin));
  }

  /** @override */
  write(tile, id) {
    const words = this.owner.why(id);
    showTwin(tile.firstChild, this.owner.twin(id));
    if (tile.lastChild.textContent !== words) tile.lastChild.textContent = words;
    tile.title = words;
  }
}

export class OddView {
  /** page: {look(id) shows an image closer, showOdd() puts this view into the middle, answered(): an answer may be
   *  another}. */
  constructor(page) {
    this.page = page;
    /** @type {import("../images/odd.js").Odd | null} */
    this.data = null;
    this.asked = "";
    this.kind = "all";
    const { store, close } = openStore((what) => what !== "sync" && this.draw());
    this.store = store;
    this.close = close;
    this.note = el("div", { class: "note sl-odd-note", role: "status", hidden: true });
    this.grid = new OddGrid({
      open: (id) => page.look(id),
      took: (id) => page.look(id),
      changed: () => this.drawActs(),
      why: (id) => whyOdd(this.data, id, this.kind === OUT ? "all" : this.kind),
      twin: (id) => ["all", "twin"].includes(this.kind) ? twinOf(this.data, id) : 0,
    });
    this.build();
  }

  build() {
    const onchange = (event) => this.choose(event.target.value);
    this.list = el("select", { class: "field", "aria-label": t("odd.which"), id: "so-list", onchange });
    this.about = el("p", { class: "small" });
    // The second click of a double one would find "all" where the first one was for some.
    const act = (event) => event.detail < 2 && this.leave();
    this.act = el("button", { type: "button", class: "btn", id: "so-act", onclick: act });
    this.hint = el("span", { class: "small clip" });
    this.head = el("div", { class: "so-head" }, this.list, this.act, this.hint);
    this.none = el("p", { class: "empty", hidden: true }, t("odd.none"));
    this.host = el("div", { class: "so", hidden: true }, this.head, this.about, this.none, this.grid.host);
  }

  destroy() {
    this.grid.destroy();
    this.close();
  }

  get isShown() {
    return !this.host.hidden;
  }

  /** Whether there is anything to show. */
  get isThere() {
    return Boolean(this.data && (this.data.n || this.data.excluded.length)) || this.out().length > 0;
  }

  show(yes) {
    this.host.hidden = !yes;
    if (!yes) return;
    this.store.start().then(() => this.draw(), toast);
    this.fill(true);
    this.grid.host.focus({ preventScroll: true });
    if (this.host.getBoundingClientRect().top > innerHeight / 2) this.host.scrollIntoView(); // on a phone it lies below
  }

  // ---- what there is
  /** Ask again when the pool, what is left out or what was measured is other. */
  follow(state) {
    if (this.store.loaded) this.store.follow(state).catch(toast);
    this.drawNote(state);
    if (app.page !== "select" || !state.map?.kind || oddStamp() === this.asked) return;
    const stamp = this.asked = oddStamp();
    loadOdd().then((found) => {
      if (this.asked === stamp) this.take(found);
    }, () => {
      this.asked = "";
    });
  }

  take(found) {
    this.data = found;
    this.drawNote(app.state);
    if (this.isShown) this.draw();
    this.page.draw();
    this.page.answered();
  }

  out() {
    if (!this.store.loaded) return this.data ? this.data.excluded : [];
    return [...this.store.states].filter(([, state]) => state.kind === "exclude").map(([id]) => id);
  }

  /** What kind of answer an image has, as far as is known here; "" for none. */
  kindOf(id) {
    if (this.store.loaded) return this.store.stateOf(id)?.kind || "";
    return this.data && this.data.excluded.includes(id) ? "exclude" : "";
  }

  /** Put an image that is left out back into the pool. */
  async putBack(id) {
    await this.store.start();
    if (this.kindOf(id) === "exclude") this.change([id], true);
  }

  /** What is nearly the same as an image, few enough to be shown. */
  twins(id) {
    return twinsOf(this.data, id).slice(0, TWINS);
  }

  idsOf(kind) {
    return kind === OUT ? this.out() : oddOf(this.data, kind, this.store);
  }

  // ---- beside the form: one line, one click from the images
  drawNote(state) {
    const run = (state.runs || []).find((each) => each.kind === "odd" && isPending(each)), { data } = this;
    const progress = run && state.run && state.run.id === run.id ? state.run.progress : null;
    const n = data ? this.idsOf("all").length : 0, out = this.out().length;
    this.note.hidden = !state.map?.kind || !data || (data.known && !run && !n && !out && !data.new);
    if (this.note.hidden) return;
    const words = run ? [null, progress] : [data.known, n, out, data.new];
    redraw(this.note, [words, state.counts.pool], () => run ? this.underWay(progress) : this.found(state, n, out));
  }

  underWay(progress) {
    const done = progress && progress.total
      ? t("run.progress", { ...progress, done: fmt.int(progress.done), total: fmt.int(progress.total) })
      : "";
    const left = progress?.seconds_left ? t("run.left", { time: fmt.about(progress.seconds_left) }) : "";
    return el("p", {}, [t("odd.running"), done, left].filter(Boolean).join(" "));
  }

  found(state, n, out) {
    const { data } = this,
      link = (id, key, onclick) => el("button", { type: "button", class: "link", id, onclick }, t(key));
    const look = () => this.start(state),
      open = (kind) => () => {
        this.kind = kind;
        this.page.showOdd();
      };
    const todo = data.known ? data.new : state.counts.pool, time = fmt.about(Math.max(5, todo * PER_IMAGE));
    const ask = () => [counted("odd.ask", todo, { time }), " ", link("so-start", "odd.start", look)];
    return [
      n ? el("p", {}, oddWords(data, this.store), " ", link("so-look", "odd.look", open("all"))) : null,
      out ? el("p", {}, counted("odd.out", out), " ", link("so-out", "odd.look", open(OUT))) : null,
      todo ? el("p", {}, ask()) : null,
    ];
  }

  async start(state) {
    const last = state.runs.find((each) => each.kind === "features" && each.status === "done");
    try {
      await startRun("odd", last && last.backbone ? { backbone: last.backbone } : {});
    } catch (error) {
      toast(error);
    }
  }

  // ---- the grid
  choose(kind) {
    this.kind = kind;
    this.grid.marks.clear();
    this.fill(true);
  }

  fill(again) {
    const ids = this.idsOf(this.kind), top = again ? 0 : this.grid.host.scrollTop, { focus } = this.grid;
    this.grid.show(ids, top);
    if (!again) this.grid.focus = Math.max(0, Math.min(ids.length - 1, focus));
    this.drawHead();
  }

  draw() {
    this.drawNote(app.state);
    if (this.isShown) this.fill(false);
    this.page.answered();
  }

  drawHead() {
    const rows = ["all", ...KINDS, OUT].map((kind) => [kind, this.idsOf(kind).length]);
    const shown = rows.filter(([kind, n]) => n || kind === this.kind || kind === "all");
    /** @param {(string | number)[]} row */
    const option = ([kind, n]) => el("option", { value: String(kind) }, t(`odd.${kind}`, { n: fmt.int(Number(n)) }));
    redraw(this.list, shown, () => shown.map(option));
    this.list.value = this.kind;
    const among = ["twin", "unlike", "all"].includes(this.kind) && this.data ? this.data.among || 0 : 0;
    const sampled = among ? t("odd.about_among", { n: fmt.int(among) }) : "";
    this.hint.textContent = t(this.kind === OUT ? "odd.hint_back" : "odd.hint");
    this.about.textContent = [t(`odd.about_${this.kind}`), sampled].filter(Boolean).join(" ");
    this.none.hidden = this.grid.ids.length > 0;
    this.grid.host.hidden = !this.none.hidden;
    this.drawActs();
  }

  drawActs() {
    const marked = this.grid.marks.size, n = marked || this.grid.ids.length, back = this.kind === OUT;
    const words = counted(`odd.${back ? "back" : "leave"}${marked ? "" : "_all"}`, n);
    this.act.hidden = !n;
    redraw(this.act, [words, marked], () => [words, marked ? el("kbd", {}, "X") : ""]);
  }

  /** Leave out, or put back, what is marked; else the whole list, as the button says; by a key the one in hand. */
  leave(some = this.grid.marks.size ? this.grid.meant() : this.grid.ids.slice()) {
    if (!some.length || !this.store.loaded) return;
    this.grid.marks.clear();
    this.change(some, this.kind === OUT);
  }

  change(some, back) {
    const n = this.store.changeMany(some, back ? "clear" : "exclude", null, null, "grid");
    if (n) this.store.offer(counted(back ? "label.put_back" : "label.excluded", n), () => this.step("undo"));
    this.draw();
  }

  step(which) {
    this.store[which]();
    this.draw();
  }

  /** What the keys do while the grid is shown: by code. */
  keys() {
    const { grid } = this;
    return {
      ...movesOf(grid),
      KeyX: () => this.leave(grid.meant()),
      Space: () => grid.toggle(),
      Enter: () => grid.ids.length && this.page.look(grid.ids[grid.focus]),
      Escape: () => grid.clear(),
      Backspace: () => this.step("undo"),
    };
  }

  /** Do what a key means while the grid is shown. */
  press(event) {
    const other = event.isComposing || event.altKey || !this.host.offsetParent ||
      document.querySelector("dialog[open]");
    if (other || event.target.closest?.(TYPING)) return;
    if (["Space", "Enter"].includes(event.code) && event.target.closest?.(CONTROL)) return;
    const control = event.ctrlKey || event.metaKey, act = control ? this.keysOfControl(event) : this.keys();
    if (!act[event.code] || (event.repeat && !/^(Arrow|Page)/.test(event.code))) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    act[event.code](event);
  }

  keysOfControl(event) {
    return { KeyA: () => this.grid.all(), KeyZ: () => this.step(event.shiftKey ? "redo" : "undo") };
  }
}
