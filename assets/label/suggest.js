// Suggestions of the label page: asked for after labels were stored, never while a key is being answered.
//   of(id) -> {class, sure} | null      list(classId) -> ids, surest first      columns() -> {ids, y, sure, classes}
// Before the labels know more they come from the names of the classes, where the backbone knows words.
import { app } from "../shell/app.js";
import { unpacked } from "../shell/binary.js";
import { keep, kept } from "../shell/kept.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";

const EVERY = 3, EACH = 20; // labels between two askings, once there are EACH of them
const SOON = 30, IDLE = 1500; // ms behind a label; ms without one
const WORKING = 700, AGAIN = 10000; // ms between two looks while names are asked; before they are asked once more

export class Suggestions {
  constructor(store, changed) {
    this.store = store;
    this.changed = changed;
    this.data = null;
    this.asked = "";
    this.inflight = false;
    this.timer = null;
    this.gone = false;
    this.lists = new Map();
    this.isOn = kept(this.key()) !== "0";
    this.rows = new Map(); // image -> row of data
    this.names = ""; // of the classes that were asked last
    this.namedAt = -AGAIN;
  }

  key = () => `fs-suggest-${app.key}`; // each project's own

  turn(yes) {
    this.isOn = yes;
    keep(this.key(), yes ? "1" : "0");
    if (yes) this.ask();
    else this.changed();
  }

  labels() {
    let n = 0;
    for (const count of this.store.counts.values()) n += count;
    return n;
  }

  stamp() {
    return `${this.store.row}:${this.store.given}:${this.classNames()}`;
  }

  classNames() {
    return this.store.classes.map((each) => `${each.id} ${each.name}`).join("\n");
  }

  // Called after anything changed; asks when enough is new, or when the person rests.
  follow() {
    if (!this.isOn || !this.store.loaded || this.stamp() === this.asked) return;
    clearTimeout(this.timer);
    const fresh = this.data ? Math.abs(this.store.given - this.data.given) : EVERY;
    // The next image is painted first.
    this.timer = setTimeout(this.ask, fresh >= EVERY || this.labels() < EACH ? SOON : IDLE);
  }

  ask = async () => {
    if (this.inflight || this.gone || !this.isOn) return;
    if (this.store.pending()) { // they are not in the answer yet
      this.timer = setTimeout(this.ask, 60);
      return;
    }
    this.inflight = true;
    const now = this.stamp(), given = this.store.given;
    try {
      const buffer = await api("/suggest", undefined, { raw: true });
      if (this.gone) return;
      this.asked = now;
      this.take(buffer, given);
    } catch (error) { // the page goes on without
      console.warn("no suggestions:", error);
    } finally {
      this.inflight = false;
    }
    if (this.stamp() !== this.asked) this.follow();
    else if (this.data) this.askNames(this.data.words);
  };

  // The names of the classes are held against the images by a run of their own. What failed is asked again with others.
  askNames(state) {
    if (!["ask", "waits", "failed"].includes(state)) return;
    const names = this.classNames(), now = performance.now();
    const isNew = names !== this.names || (state === "ask" && now - this.namedAt > AGAIN);
    if (state !== "waits" && isNew) {
      this.names = names;
      this.namedAt = now;
      api("/words", { query: "" }).catch((error) => console.warn("no names:", error));
    } else if (state === "failed") return;
    this.timer = setTimeout(this.ask, WORKING);
  }

  take(buffer, given) {
    const { head, at } = unpacked(buffer), { n } = head;
    const ids = new Int32Array(buffer, at, n),
      same = this.data && this.data.ids.length === n && this.data.ids[0] === ids[0] &&
        this.data.ids[n - 1] === ids[n - 1];
    this.data = {
      ids,
      y: new Uint16Array(buffer, at + 4 * n, n),
      sure: new Uint8Array(buffer, at + 6 * n, n),
      classes: head.classes,
      labels: head.labels,
      why: head.why,
      by: head.by,
      words: head.words,
      given,
    };
    if (!same) {
      this.rows.clear();
      ids.forEach((id, row) => this.rows.set(id, row));
    }
    this.lists = new Map();
    this.changed();
  }

  of(id) {
    const row = this.isOn && this.data ? this.rows.get(id) : undefined;
    return row === undefined ? null : { class: this.data.classes[this.data.y[row]], sure: this.data.sure[row] / 255 };
  }

  // All images that look like a class, surest first; sorted by counting, for there may be a million.
  list(classId) {
    if (!this.isOn || !this.data || !this.data.ids.length) return [];
    if (!this.lists.size) {
      const n = this.data.ids.length, from = new Uint32Array(257), order = new Uint32Array(n);
      for (let row = 0; row < n; row++) from[256 - this.data.sure[row]]++;
      for (let i = 0; i < 256; i++) from[i + 1] += from[i];
      for (let row = 0; row < n; row++) order[from[255 - this.data.sure[row]]++] = row;
      for (const each of this.data.classes) this.lists.set(each, []);
      const of = this.data.classes.map((each) => this.lists.get(each));
      for (const row of order) of[this.data.y[row]].push(this.data.ids[row]);
    }
    return this.lists.get(classId) || [];
  }

  get on() {
    return this.isOn;
  }

  get why() {
    return this.data ? this.data.why : "";
  }

  /** Why there are none, as a sentence; "" where there are some. */
  reason() {
    const { why, words } = this.data || { why: "", words: "" };
    if (!why) return "";
    if (words === "ask" || words === "waits") return t("label.words_waits");
    const more = ["none", "missing", "few", "failed"].includes(words) ? t(`label.words_${words}`) : "";
    return [t(`label.why_${why}`), why === "labels" && more].filter(Boolean).join(" ");
  }

  /** What the button says of them. */
  hint() {
    if (!this.isOn) return t("label.suggest_off");
    return this.reason() || t(this.data && this.data.by === "words" ? "label.suggest_words" : "label.suggest_on");
  }

  columns() {
    return this.isOn && this.data && this.data.ids.length ? this.data : null;
  }

  row(id) {
    return this.rows.get(id);
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.timer);
  }
}
