// The way of labels to the server: one POST in flight, each op with (client, seq), so that a repeated one is harmless.
// What waits lies in localStorage until the server has committed it; another window sends what a dead one left. What is
// refused for good lies there too, with the reason, until the person has seen it and says what becomes of it.
import { keep, kept } from "../shell/kept.js";
import { person } from "../shell/person.js";

const BATCH = 200, LARGE = 5000; // ops in a POST; so many at once travel as one
const KEEPALIVE = 100; // ops that may still travel while the window closes
const FIRST_WAIT = 500, LONGEST_WAIT = 8000; // ms until a POST that got no answer is tried again

const random = () =>
  (crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}${Math.random()}`).replace(/\./g, "").slice(0, 40);

/** The windows of one browser are one desk: they undo each other's steps. */
function deskName() {
  const name = kept("fs-desk") || random();
  keep("fs-desk", name);
  return name;
}

/** What lies in localStorage under a window's name, or null where it cannot be read. Older pages kept the ops alone.
 *  @param {string} text
 *  @returns {Left | null} */
function readLeft(text) {
  try {
    const found = JSON.parse(text),
      { project = "", ops = [], refused = [] } = Array.isArray(found) ? { ops: found } : found;
    return Array.isArray(ops) && Array.isArray(refused) ? { project, ops, refused } : null;
  } catch {
    return null; // not ours to mend, nor to throw away
  }
}

export class OpQueue {
  /** @param {string} project  as it is called in addresses
   *  @param {{sync(): void, answered(answer: OpsAnswer): void, refused(words: string): void}} told */
  constructor(project, told) {
    this.project = project;
    this.identity = ""; // which project the ops are about: another one may come to lie in its folder
    this.told = told;
    this.desk = deskName();
    this.client = `${this.desk}.${random()}`;
    this.prefix = `fact.ops.${project}.`;
    /** @type {Op[]} */
    this.ops = [];
    /** @type {{op: Op, words: string}[]} */
    this.refused = [];
    /** @type {{name: string, n: number, words: string, lost: boolean}[]} */
    this.strays = []; // what other windows left and that cannot be sent now
    this.stored = true; // whether localStorage has what waits
    this.seq = 0;
    this.sync = { waiting: 0, offline: false, trouble: "" };
    this.inflight = false;
    this.alone = false; // ops are sent singly, to find the one that is refused
    this.delay = 0;
    this.timer = null;
    this.strayTimer = null;
    this.gone = false;
    this.unlock = () => {};
    // Who holds the lock of its name lives.
    navigator.locks?.request(this.prefix + this.client, () =>
      new Promise((done) => {
        this.unlock = () => done(undefined);
      }));
    addEventListener("online", this.online);
    addEventListener("beforeunload", this.leaving);
  }

  destroy() {
    this.gone = true;
    clearTimeout(this.timer);
    clearTimeout(this.strayTimer);
    this.unlock();
    removeEventListener("online", this.online);
    removeEventListener("beforeunload", this.leaving);
  }

  /** The number of the first op whose answer is not here yet. */
  get firstOpen() {
    return this.ops.length ? this.ops[0].seq : this.seq + 1;
  }

  /** Send ops; several are one batch. Returns the number of the last.
   *  @param {Op[]} ops */
  send(ops) {
    const batch = ops.length > 1 ? this.seq + 1 : null;
    for (const op of ops) {
      this.seq += 1;
      this.ops.push({ seq: this.seq, ...op, ...(batch && { batch }), annotator: person() });
    }
    this.remember();
    this.tell();
    this.flush();
    return this.seq;
  }

  remember() {
    this.stored = this.leave(this.prefix + this.client, {
      project: this.identity,
      ops: this.ops,
      refused: this.refused,
    });
  }

  // Keep what is left of a window, or nothing. Whether it is kept.
  leave(name, left) {
    try {
      if (left.ops.length || left.refused.length) localStorage.setItem(name, JSON.stringify(left));
      else localStorage.removeItem(name);
      return true;
    } catch (error) { // full or forbidden: it still lies in memory
      console.warn("the queue cannot be kept:", error);
      return false;
    }
  }

  tell() {
    this.sync.waiting = this.ops.length;
    this.told.sync();
  }

  flush = async () => {
    if (this.inflight || !this.ops.length || this.gone) return;
    this.inflight = true;
    clearTimeout(this.timer);
    const batch = this.ops.slice(0, this.alone ? 1 : this.ops.length > LARGE ? LARGE : BATCH);
    const outcome = await this.post(this.client, batch, this.identity);
    this.inflight = false;
    if (outcome.refused) this.leaveOut(batch, outcome.refused);
    else if (!outcome.answer || !this.settle(outcome.answer, batch)) return this.wait(outcome.trouble || "");
    this.tell();
    this.flush();
  };

  // What was sent and is stored leaves; nothing else does. Whether anything did.
  settle(answer, batch) {
    const stored = new Set(batch.map((op) => op.seq).filter((seq) => seq <= answer.last_seq));
    Object.assign(this.sync, { offline: false, trouble: "" });
    this.delay = 0;
    this.alone = false;
    this.ops = this.ops.filter((op) => !stored.has(op.seq));
    this.remember();
    this.told.answered(answer);
    return stored.size > 0;
  }

  // One of them cannot be done (its class is gone): it is found by sending them singly, and kept with the reason.
  leaveOut(batch, words) {
    if (batch.length > 1) {
      this.alone = true;
      return;
    }
    this.refused.push({ op: this.ops.shift(), words });
    this.remember();
    this.told.refused(words);
  }

  /** Send again what was refused, each by itself. */
  retry() {
    const again = this.refused.map(({ op: { seq: _seq, batch: _batch, ...op } }) => op);
    this.refused = [];
    for (const op of again) this.send([op]);
  }

  /** The person has seen why it was refused, or that it is another project's: it is given up. */
  dismiss() {
    this.refused = [];
    this.remember();
    for (const { name } of this.strays.filter((stray) => stray.lost)) localStorage.removeItem(name);
    this.strays = this.strays.filter((stray) => !stray.lost);
    this.tell();
  }

  wait(trouble) {
    Object.assign(this.sync, { offline: true, trouble });
    this.delay = Math.min(LONGEST_WAIT, this.delay ? this.delay * 2 : FIRST_WAIT);
    this.timer = setTimeout(this.flush, this.delay);
    this.tell();
  }

  /** {answer}, {refused: words} for good, or {trouble: words}, "" without any answer; lost: it is another project.
   *  @param {string} client
   *  @param {Op[]} ops
   *  @param {string} project  its identity
   *  @returns {Promise<{answer?: OpsAnswer, refused?: string, trouble?: string, lost?: boolean}>} */
  async post(client, ops, project) {
    try {
      const answer = await fetch(`/x/${this.project}/ops`, {
        method: "POST",
        credentials: "same-origin",
        keepalive: ops.length < KEEPALIVE,
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ client, ops, project }),
      });
      if (answer.ok) return { answer: await answer.json() };
      const { what, found, do: todo } = await answer.json().catch(() => ({}));
      const words = [what, found, todo].filter(Boolean).join(". ").replace(/([.?!])\. /g, "$1 ");
      // Only what is wrong with the ops themselves is refused for good; a full disk or a busy project passes.
      const wrong = answer.status === 400 || answer.status === 422;
      return wrong ? { refused: words || `HTTP ${answer.status}` } : { trouble: words, lost: answer.status === 410 };
    } catch {
      return { trouble: "" };
    }
  }

  /** Ops of a window that was closed or died before they arrived: sent under its own name, so never twice. */
  async adopt() {
    clearTimeout(this.strayTimer);
    const locks = navigator.locks ? (await navigator.locks.query()).held : [];
    const alive = new Set(locks.map((lock) => lock.name));
    const left = (name) => name.startsWith(this.prefix) && !name.endsWith(this.client) && !alive.has(name);
    const strays = [];
    for (const name of Object.keys(localStorage).filter(left)) {
      const found = readLeft(localStorage.getItem(name));
      if (!found) continue;
      const { trouble, lost = false } = await this.sendFor(name, found);
      if (trouble !== undefined) strays.push({ name, n: found.ops.length, words: trouble, lost });
      this.take(name, found);
    }
    this.strays = strays;
    if (strays.length && !this.gone) {
      this.strayTimer = setTimeout(() => this.adopt().catch((error) => console.warn(error)), LONGEST_WAIT);
    }
    this.tell();
  }

  // Send what a window left. ``left`` keeps what is not stored; {trouble}: why the rest cannot be sent now.
  async sendFor(name, left) {
    let alone = false;
    while (left.ops.length) {
      const batch = left.ops.slice(0, alone ? 1 : LARGE);
      const outcome = await this.post(name.slice(this.prefix.length), batch, left.project);
      if (outcome.trouble !== undefined) return outcome;
      if (outcome.answer) this.told.answered(outcome.answer);
      if (outcome.refused && batch.length > 1) {
        alone = true;
        continue;
      }
      if (outcome.refused) left.refused.push({ op: batch[0], words: outcome.refused });
      left.ops.splice(0, batch.length);
    }
    return {};
  }

  // What was refused to a window that is gone is told by this one.
  take(name, left) {
    this.refused.push(...left.refused);
    this.remember();
    if (this.stored) this.leave(name, { ...left, refused: [] });
    if (left.refused.length) this.told.refused(left.refused[0].words);
  }

  online = () => {
    this.delay = 0;
    this.flush();
  };

  leaving = (event) => {
    if (!this.ops.length && (this.stored || !this.refused.length)) return;
    event.preventDefault();
    event.returnValue = "";
  };
}
