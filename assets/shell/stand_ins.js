// What the tests of scripts put in the place of a browser. Only tests import this.

/** A store as localStorage is one: its keys are its own names. */
export function makeStorage() {
  /** @type {Record<string, any>} */
  const storage = {};
  const hidden = (value) => ({ value, enumerable: false });
  return Object.defineProperties(storage, {
    getItem: hidden((name) => (name in storage ? storage[name] : null)),
    setItem: hidden((name, value) => {
      storage[name] = String(value);
    }),
    removeItem: hidden((name) => {
      delete storage[name];
    }),
  });
}

/** Put stand-ins on the global object. locks: the names that other windows hold. Returns the storage. */
export function standIn({ locks = [] } = {}) {
  const storage = makeStorage(), ignore = () => {};
  const navigator = {
    locks: { request: ignore, query: () => Promise.resolve({ held: locks.map((name) => ({ name })) }) },
  };
  const all = { localStorage: storage, navigator, addEventListener: ignore, removeEventListener: ignore };
  for (const [name, value] of Object.entries(all)) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  }
  return storage;
}

/** A server that writes down each POST of ops and answers when it is told to. */
export class OpsServer {
  constructor() {
    this.posts = []; // {client, ops} in the order in which they came
    this.waiting = []; // what answers them
    this.most = 0; // POSTs that were under way at the same time
    globalThis.fetch = /** @type {any} */ ((url, { body }) => {
      this.posts.push({ url, ...JSON.parse(body) });
      return new Promise((resolve, reject) => {
        this.waiting.push({ resolve, reject });
        this.most = Math.max(this.most, this.waiting.length);
      });
    });
  }

  get last() {
    return this.posts[this.posts.length - 1];
  }

  /** Answer the oldest question. body: what is told beside the number of the last op. */
  async answer(body = {}, status = 200) {
    const { ops } = this.posts[this.posts.length - this.waiting.length];
    const json = { last_seq: ops[ops.length - 1].seq, states: {}, ...body };
    this.waiting.shift().resolve({ ok: status === 200, status, json: () => Promise.resolve(json) });
    await settled();
  }

  async fail() {
    this.waiting.shift().reject(new TypeError("no network"));
    await settled();
  }
}

/** All that is ready to go on has gone on. */
export const settled = () => new Promise((done) => setImmediate(done));
