// What is known of labels: the images of the queue, their answers, the classes, and the steps of undo.
// A change is shown at once and travels by queue.js. No drawing here. The pages of a window share one store, so that
// what is done on one of them is seen and undone on all.
import { app } from "../shell/app.js";
import { toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";
import { keysMoved, tellOver, tellStays } from "./other_window.js";
import { OpQueue } from "./op_queue.js";

const AHEAD = 20; // steps of undo that are known before one gets there
const DONE = new Set(["label", "skip", "flag", "exclude"]);
const orNone = (state) => (state && state.kind ? state : null);

export class LabelStore {
  /** @param {(what: "queue" | "round" | "states" | "classes" | "keys" | "steps" | "sync") => void} changed
   *  "round": the queue is another one, for other images were chosen */
  constructor(changed) {
    this.changed = changed;
    /** @type {Entry[]} */
    this.entries = []; // the queue, in its order
    /** @type {ClassRow[]} */
    this.classes = [];
    /** @type {Map<number, Answer>} */
    this.states = new Map(); // by image
    /** @type {Map<number, number>} */
    this.counts = new Map(); // class -> labels
    /** @type {Map<number, Entry>} */
    this.items = new Map(); // image -> what is known of it, with its place in the queue
    this.started = null; // the promise of the first reading
    this.loaded = false;
    this.turning = false; // other images were chosen, and the queue shown is still the old one
    this.selection = null;
    this.changes = 0; // the server's count of what is no label: classes, selections
    this.row = 0; // the last row of the history that is known
    this.given = 0; // changes made here
    this.undoable = [];
    this.redoable = [];
    this.more = false; // there are more steps than are known
    this.asked = false; // steps are asked for when nothing waits any more
    this.offered = null; // {act, close}: takes back the newest thing done here
    this.touched = new Map(); // image -> number of our last op on it
    this.following = false;
    this.newest = null; // of the states that were told
    this.gone = false;
    this.movedAt = -Infinity; // when another window gave keys to other classes
    this.queue = new OpQueue(app.key, {
      sync: () => changed("sync"),
      answered: (answer) => this.hearAnswer(answer),
      refused: () => {
        changed("sync");
        // What holds, and what can be undone, is told by the server.
        this.load().then(() => this.older()).catch((error) => console.warn(error));
      },
    });
  }

  /** Read what there is; once, however many pages want it. */
  start() {
    this.started = this.started || this.begin().catch((error) => {
      this.started = null; // the next one tries again
      throw error;
    });
    return this.started;
  }

  async begin() {
    await this.queue.adopt().catch((error) => console.warn(error));
    await this.load();
    this.older().catch((error) => console.warn(error));
  }

  destroy() {
    this.gone = true;
    this.queue.destroy();
  }

  get desk() {
    return this.queue.desk;
  }

  get sync() {
    return this.queue.sync;
  }

  /** How many ops wait. */
  pending() {
    return this.queue.ops.length;
  }

  // ---- states
  stateOf(id) {
    return this.states.get(id) || null;
  }

  classOf(id) {
    return this.classes.find((each) => each.id === id) || null;
  }

  isDone(id) {
    return DONE.has(this.states.get(id)?.kind);
  }

  /** How many images of the pool are to be labeled (open) or have which answer, chosen or not. What is left out is not
   *  of the pool. */
  tally() {
    const kinds = new Map(this.entries.map(({ id }) => [id, "open"])), n = { open: 0, label: 0, skip: 0, flag: 0 };
    for (const [id, { kind }] of this.states) kinds.set(id, kind);
    for (const kind of kinds.values()) if (kind !== "exclude") n[kind] += 1;
    return n;
  }

  setState(id, state) {
    const before = this.states.get(id);
    if (before && before.kind === "label") this.counts.set(before.class, (this.counts.get(before.class) || 0) - 1);
    if (state && state.kind === "label") this.counts.set(state.class, (this.counts.get(state.class) || 0) + 1);
    if (state) this.states.set(id, state);
    else this.states.delete(id);
  }

  // An image has one answer: label, skip or flag ("cannot tell"). On the server the flag is a mark of its own,
  // so coming from it or going to it clears first; such a pair is undone together.
  change(item, kind, classId, seconds, source = "person") {
    return this.changeMany([item], kind, classId, seconds, source) > 0;
  }

  // Many images at once are one step. Returns how many change.
  changeMany(ids, kind, classId, seconds, source) {
    const after = kind === "clear" ? null : { kind, class: kind === "label" ? classId : null }, changes = [], ops = [];
    for (const item of ids) {
      const before = this.stateOf(item);
      if ((before && before.kind) === (after && after.kind) && (!after || before.class === after.class)) continue;
      const pair = before && after && (before.kind === "flag" || kind === "flag");
      const was = before && before.kind === "label" ? before.class : 0; // another window may have labeled it
      changes.push({ item, before, after, rows: pair ? 2 : 1 });
      if (pair) ops.push({ kind: "clear", item, was });
      ops.push({ kind, item, class_id: after ? after.class : null, lead_time: seconds, source, ...(!pair && { was }) });
    }
    if (!changes.length) return 0;
    for (const each of changes) this.setState(each.item, each.after);
    this.settle();
    this.undoable.push(changes);
    this.redoable.length = 0;
    this.given++;
    this.send(ops);
    return changes.length;
  }

  // The notice of something large (many images, a class that is gone, an import) offers to undo it; so does the
  // key, until something else is done.
  offer(message, act) {
    this.settle();
    this.offered = { act, close: toast(message, "", { text: t("label.undo"), act: () => this.undo() }) };
    this.changed("steps");
  }

  settle() {
    const was = this.offered;
    this.offered = null;
    if (was) was.close();
    return was;
  }

  // The way back and forth: one more row of the history for each. Returns the images that it is about.
  step(from, to, kind, side) {
    const last = from.pop();
    if (!last) return [];
    to.push(last);
    for (const each of last) this.setState(each.item, each[side]);
    this.given++;
    this.send(last.flatMap((each) => Array.from({ length: each.rows }, () => ({ kind, item: each.item }))));
    if (kind === "undo" && from.length < AHEAD && this.more) this.older();
    return last.map((each) => each.item);
  }

  undo() {
    const was = this.settle();
    if (!was) return this.step(this.undoable, this.redoable, "undo", "before");
    was.act();
    return [];
  }

  redo() {
    this.settle();
    return this.step(this.redoable, this.undoable, "redo", "after");
  }

  // Steps of earlier windows and days lie in the history; they are asked for as far back as one goes.
  async older() {
    this.asked = this.pending() > 0; // what waits is not in the history yet
    if (this.asked) return;
    const given = this.given, client = encodeURIComponent(this.queue.client);
    const answer = await api(`/steps?client=${client}&most=${this.undoable.length + 100}`);
    if (this.gone || given !== this.given) return; // something was done meanwhile: the next step asks again
    const change = (each) => ({ ...each, before: orNone(each.before), after: orNone(each.after) });
    const read = (steps) => steps.map((step) => step.map(change)).reverse();
    this.undoable.splice(0, this.undoable.length, ...read(answer.undo));
    this.redoable.splice(0, this.redoable.length, ...read(answer.redo));
    this.more = answer.more;
    this.changed("steps");
  }

  // Sent ops of an image are newer than what the server tells of it, until they are answered.
  send(ops) {
    let number = this.queue.seq;
    for (const op of ops) {
      number += 1;
      this.touched.set(op.item, number);
    }
    this.queue.send(ops);
  }

  hearAnswer(answer) {
    const mine = new Set(this.queue.ops.map((op) => op.item));
    for (const [id, state] of Object.entries(answer.states)) if (!mine.has(+id)) this.setState(+id, orNone(state));
    if (answer.classes) this.hear(answer.classes);
    this.changed("states");
    tellOver(this, answer.over).catch((error) => console.warn(error));
    tellStays(this, answer.stays).catch((error) => console.warn(error));
    if (this.asked && !this.pending()) this.older().catch((error) => console.warn(error));
  }

  // What was labeled elsewhere meanwhile has that label again.
  /** @param {Over} over */
  giveBack(over) {
    const images = Object.entries(over).map(([id, { rows, ...was }]) => ({ item: Number(id), rows, was }));
    const back = new Set(images.map((each) => each.item)), rest = (step) => step.filter(({ item }) => !back.has(item));
    for (const { item, was } of images) this.setState(item, orNone(was));
    this.undoable.splice(0, this.undoable.length, ...this.undoable.map(rest).filter((step) => step.length));
    this.given++;
    this.send(images.flatMap(({ item, rows }) => Array.from({ length: rows }, () => ({ kind: "undo", item }))));
    this.older().catch((error) => console.warn(error));
    this.changed("states");
  }

  // Classes as the server tells them. A key that meant another class a moment ago rests for a moment.
  hear(classes) {
    const moved = keysMoved(this.classes, classes);
    this.classes = classes;
    if (!moved) return;
    this.movedAt = performance.now();
    this.changed("keys");
  }

  // ---- reading
  async load() {
    const from = this.queue.firstOpen;
    const answer = await api("/queue");
    if (this.gone || !this.isOurs(answer.project)) return;
    this.queue.identity = answer.project;
    const round = this.loaded && this.selection !== answer.selection;
    // What was said here since the question was asked is newer than the answer.
    const mine = [...this.touched].filter(([, last]) => last >= from).map(([id]) => [id, this.stateOf(id)]);
    this.states.clear();
    this.counts.clear();
    this.items.clear();
    Object.assign(this, { entries: answer.entries, selection: answer.selection });
    this.hear(answer.classes);
    [this.changes, this.row] = answer.version.split(".").map(Number);
    this.entries.forEach((entry, at) => {
      this.items.set(entry.id, { ...entry, at });
      if (entry.state) this.setState(entry.id, { kind: entry.state, class: entry.class });
    });
    for (const other of answer.others) this.setState(other.id, { kind: other.state, class: other.class });
    for (const [id, state] of mine) this.setState(id, state);
    this.loaded = true;
    this.turning = false;
    this.changed(round ? "round" : "queue");
  }

  // Another project's file may come to lie where this one's was: what is shown here is not of it.
  isOurs(identity) {
    return !this.queue.identity || this.queue.identity === identity;
  }

  // What another window, another person or the command line has changed of what this one shows.
  async follow(state) {
    if (!state.project || !this.isOurs(state.project.id)) return; // its file is not there now
    if (this.queue.sync.offline) this.queue.online();
    this.newest = state;
    const [changes, row] = state.version.split(".").map(Number);
    const other = (state.selection ? state.selection.id : null) !== this.selection;
    const older = row < this.row; // an earlier copy of the project was put back
    const again = other || older || changes !== this.changes;
    this.turning = this.loaded && other;
    if (this.following || (this.pending() && !other) || (!again && row === this.row)) return;
    this.following = true;
    try {
      if (again) await this.load();
      else await this.news();
    } finally {
      this.following = this.turning = false;
    }
    if (this.newest !== state) await this.follow(this.newest);
  }

  async news() {
    const from = this.queue.firstOpen;
    const answer = await api(`/changes?since=${this.row}`);
    if (this.gone) return;
    for (const [id, state] of Object.entries(answer.states)) {
      if (!(this.touched.get(+id) >= from)) this.setState(+id, orNone(state));
    }
    this.row = answer.row;
    this.hear(answer.classes);
    this.changed("states");
  }

  async item(id) { // what is known of one image, asked for when it is not in the queue
    if (!this.items.has(id)) this.items.set(id, { ...(await api(`/item?id=${id}`)), role: null, at: -1 });
    return this.items.get(id);
  }

  async saveClass(body) {
    const answer = await api("/classes", body);
    this.classes = answer.classes;
    this.changed("classes");
    return answer;
  }
}

let shared = null; // {store, listeners}

/** The window's store. close() when it is not needed any more; the last one ends it.
 *  @param {(what: string) => void} listener  as the constructor's
 *  @returns {{store: LabelStore, close: () => void}} */
export function openStore(listener) {
  if (!shared) {
    const listeners = new Set();
    shared = { listeners, store: new LabelStore((what) => listeners.forEach((each) => each(what))) };
  }
  const { store, listeners } = shared;
  listeners.add(listener);
  const close = () => {
    listeners.delete(listener);
    if (listeners.size) return;
    store.destroy();
    if (shared?.store === store) shared = null;
  };
  return { store, close };
}
