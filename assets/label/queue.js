// The way of labels to the server: one POST in flight, each op with (client, seq), so that a repeated one is harmless.
// What waits lies in localStorage until the server has committed it; another window sends what a dead one left.
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

export class OpQueue {
  /** @param {string} project
   *  @param {{sync(): void, answered(answer: OpsAnswer): void, refused(words: string): void}} told */
  constructor(project, told) {
    this.project = project;
    this.told = told;
    this.desk = deskName();
    this.client = `${this.desk}.${random()}`;
    this.prefix = `fact.ops.${project}.`;
    /** @type {Op[]} */
    this.ops = [];
    this.seq = 0;
    this.sync = { waiting: 0, offline: false, trouble: "" };
    this.inflight = false;
    this.alone = false; // ops are sent singly, to find the one that is refused
    this.delay = 0;
    this.timer = null;
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
    const name = this.prefix + this.client;
    try {
      if (this.ops.length) localStorage.setItem(name, JSON.stringify(this.ops));
      else localStorage.removeItem(name);
    } catch (error) { // full or forbidden: it still lies in memory
      console.warn("the queue cannot be kept:", error);
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
    const outcome = await this.post(this.client, batch);
    this.inflight = false;
    if (outcome.answer) this.settle(outcome.answer);
    else if (outcome.refused) this.leaveOut(batch, outcome.refused);
    else return this.wait(outcome.trouble);
    this.tell();
    this.flush();
  };

  settle(answer) {
    Object.assign(this.sync, { offline: false, trouble: "" });
    this.delay = 0;
    this.alone = false;
    this.ops = this.ops.filter((op) => op.seq > answer.last_seq);
    this.remember();
    this.told.answered(answer);
  }

  // One of them cannot be done (its class is gone): it is found by sending them singly.
  leaveOut(batch, words) {
    if (batch.length > 1) {
      this.alone = true;
      return;
    }
    this.ops.shift();
    this.remember();
    this.told.refused(words);
  }

  wait(trouble) {
    Object.assign(this.sync, { offline: true, trouble });
    this.delay = Math.min(LONGEST_WAIT, this.delay ? this.delay * 2 : FIRST_WAIT);
    this.timer = setTimeout(this.flush, this.delay);
    this.tell();
  }

  /** {answer}, {refused: words} for good, or {trouble: words}, "" without any answer.
   *  @param {string} client
   *  @param {Op[]} ops
   *  @returns {Promise<{answer?: OpsAnswer, refused?: string, trouble?: string}>} */
  async post(client, ops) {
    try {
      const answer = await fetch(`/x/${this.project}/ops`, {
        method: "POST",
        credentials: "same-origin",
        keepalive: ops.length < KEEPALIVE,
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ client, ops }),
      });
      if (answer.ok) return { answer: await answer.json() };
      const { what, found, do: todo } = await answer.json().catch(() => ({}));
      const words = [what, found, todo].filter(Boolean).join(". ").replace(/([.?!])\. /g, "$1 ");
      // Only what is wrong with the ops themselves is refused for good; a full disk or a busy project passes.
      const wrong = answer.status === 400 || answer.status === 422;
      return wrong ? { refused: words || `HTTP ${answer.status}` } : { trouble: words };
    } catch {
      return { trouble: "" };
    }
  }

  /** Ops of a window that was closed or died before they arrived: sent under its own name, so never twice. */
  async adopt() {
    const locks = navigator.locks ? (await navigator.locks.query()).held : [];
    const alive = new Set(locks.map((lock) => lock.name));
    const left = (name) => name.startsWith(this.prefix) && !name.endsWith(this.client) && !alive.has(name);
    for (const name of Object.keys(localStorage).filter(left)) {
      let ops = [];
      try {
        ops = JSON.parse(localStorage.getItem(name));
      } catch { /* not ours to mend */ }
      if (await this.sendFor(name.slice(this.prefix.length), ops)) localStorage.removeItem(name);
    }
  }

  // Whether nothing is left to send.
  async sendFor(client, ops) {
    if (!Array.isArray(ops) || !ops.length) return true;
    let outcome = await this.post(client, ops);
    if (outcome.refused) {
      for (const op of ops) {
        outcome = await this.post(client, [op]);
        if (outcome.trouble !== undefined) return false;
      }
    }
    return outcome.trouble === undefined;
  }

  online = () => {
    this.delay = 0;
    this.flush();
  };

  leaving = (event) => {
    if (!this.ops.length) return;
    event.preventDefault();
    event.returnValue = "";
  };
}
