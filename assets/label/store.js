// What the label page knows, and the way its labels travel. No drawing here.
// A change is shown at once and waits in a queue: one POST in flight, each op with (client, seq), so that a
// repeated one is harmless. The queue lies in localStorage until the server has committed it.
(function () {
  "use strict";

  const BATCH = 200, LARGE = 5000, AHEAD = 20;
  const DONE = new Set(["label", "skip", "flag"]);

  const random = () => (crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}${Math.random()}`).replace(/\./g, "").slice(0, 40);
  function desk() {
    try {
      const kept = localStorage.getItem("fs-desk") || random();
      localStorage.setItem("fs-desk", kept);
      return kept;
    } catch { return random(); } // a browser that keeps nothing: this window only
  }

  function createStore(FS, changed) {
    const project = FS.p, prefix = `fact.ops.${project}.`;
    const client = `${desk()}.${random()}`; // the windows of one browser are one desk: they undo each other's steps
    const states = new Map(), counts = new Map(), items = new Map();
    const store = { entries: [], classes: [], states, counts, items, loaded: false, selection: null, row: 0, given: 0,
      undoable: [], redoable: [], more: false, offered: false, sync: { waiting: 0, offline: false } };
    const touched = new Map(); // image -> number of our last op on it
    let offered = null; // {act, close}: takes back the newest thing done here
    let seq = 0, pending = [], inflight = false, delay = 0, timer = 0, gone = false, following = false;

    // -------------------------------------------------------------- states
    const stateOf = (id) => states.get(id) || null;
    const classOf = (id) => store.classes.find((each) => each.id === id) || null;
    const isDone = (id) => DONE.has((states.get(id) || {}).kind);
    function setState(id, state) {
      const before = states.get(id);
      if (before && before.kind === "label") counts.set(before.class, (counts.get(before.class) || 0) - 1);
      if (state && state.kind === "label") counts.set(state.class, (counts.get(state.class) || 0) + 1);
      if (state) states.set(id, state); else states.delete(id);
    }

    // An image has one answer: label, skip or flag ("cannot tell"). On the server the flag is a mark of its own,
    // so coming from it or going to it clears first; such a pair is undone together.
    function change(item, kind, classId, seconds, source = "person") { return changeMany([item], kind, classId, seconds, source) > 0; }

    // Many images at once are one step. Returns how many change.
    function changeMany(ids, kind, classId, seconds, source) {
      const after = kind === "clear" ? null : { kind, class: kind === "label" ? classId : null }, changes = [], ops = [];
      for (const item of ids) {
        const before = stateOf(item);
        if ((before && before.kind) === (after && after.kind) && (!after || before.class === after.class)) continue;
        const pair = before && after && (before.kind === "flag" || kind === "flag");
        changes.push({ item, before, after, rows: pair ? 2 : 1 });
        if (pair) ops.push({ kind: "clear", item });
        ops.push({ kind, item, class_id: after ? after.class : null, lead_time: seconds, source });
      }
      if (!changes.length) return 0;
      for (const each of changes) setState(each.item, each.after);
      settle();
      store.undoable.push(changes);
      store.redoable.length = 0;
      store.given++;
      send(ops);
      return changes.length;
    }

    // The notice of something large (many images, a class that is gone, an import) offers to undo it; so does the
    // key, until something else is done.
    function offer(message, act) {
      settle();
      offered = { act, close: FS.toast(message, "", { text: FS.t("label.undo"), act: undo }) };
      store.offered = true;
      changed("steps");
    }
    function settle() {
      const was = offered;
      offered = null;
      store.offered = false;
      if (was) was.close();
      return was;
    }

    // The way back and forth: one more row of the history for each. Returns the images that it is about.
    function step(from, to, kind, side) {
      const last = from.pop();
      if (!last) return [];
      to.push(last);
      for (const each of last) setState(each.item, each[side]);
      store.given++;
      send(last.flatMap((each) => Array.from({ length: each.rows }, () => ({ kind, item: each.item }))));
      if (kind === "undo" && from.length < AHEAD && store.more) older();
      return last.map((each) => each.item);
    }
    function undo() {
      const was = settle();
      if (!was) return step(store.undoable, store.redoable, "undo", "before");
      was.act();
      return [];
    }
    function redo() {
      settle();
      return step(store.redoable, store.undoable, "redo", "after");
    }

    // Steps of earlier windows and days lie in the history; they are asked for as far back as one goes.
    async function older() {
      if (pending.length) return void (store.asked = true); // what waits is not in the history yet
      const given = store.given, view = (state) => (state && state.kind ? state : null);
      const answer = await FS.api(`/steps?client=${encodeURIComponent(client)}&most=${store.undoable.length + 100}`);
      if (gone || given !== store.given) return; // something was done meanwhile: the next step asks again
      const read = (steps) => steps.map((step) => step.map((each) => ({ ...each, before: view(each.before), after: view(each.after) }))).reverse();
      store.undoable.splice(0, store.undoable.length, ...read(answer.undo));
      store.redoable.splice(0, store.redoable.length, ...read(answer.redo));
      store.more = answer.more;
      changed("steps");
    }

    // -------------------------------------------------------------- the queue of ops
    function send(ops) {
      const batch = ops.length > 1 ? seq + 1 : null;
      for (const op of ops) {
        pending.push({ seq: ++seq, ...op, ...(batch && { batch }), annotator: FS.person ? FS.person() : "" });
        touched.set(op.item, seq);
      }
      remember();
      told();
      flush();
    }

    function remember() {
      try {
        if (pending.length) localStorage.setItem(prefix + client, JSON.stringify(pending));
        else localStorage.removeItem(prefix + client);
      } catch (error) { console.warn("the queue cannot be kept:", error); } // full or forbidden: it still lies in memory
    }

    function told() {
      store.sync.waiting = pending.length;
      changed("sync");
    }

    async function flush() {
      if (inflight || !pending.length || gone) return;
      inflight = true;
      clearTimeout(timer);
      const batch = pending.slice(0, store.alone ? 1 : pending.length > LARGE ? LARGE : BATCH);
      const outcome = await post(client, batch);
      inflight = false;
      if (outcome.ok) {
        Object.assign(store.sync, { offline: false, trouble: "" });
        delay = 0;
        store.alone = false;
        pending = pending.filter((op) => op.seq > outcome.answer.last_seq);
        remember();
        accept(outcome.answer);
        if (!pending.length && store.asked) { store.asked = false; older().catch((error) => console.warn(error)); }
      } else if (outcome.refused) {
        // One of them cannot be done (its class is gone): find it by sending them singly.
        if (batch.length > 1) store.alone = true;
        else { pending.shift(); remember(); FS.toast(outcome.refused, "bad"); load(); }
      } else {
        Object.assign(store.sync, { offline: true, trouble: outcome.trouble || "" });
        delay = Math.min(8000, delay ? delay * 2 : 500);
        timer = setTimeout(flush, delay);
        return told();
      }
      told();
      flush();
    }

    async function post(who, ops) {
      try {
        const answer = await fetch(`/x/${project}/ops`, {
          method: "POST", credentials: "same-origin", keepalive: ops.length < 100,
          headers: { "Content-Type": "application/json" }, body: JSON.stringify({ client: who, ops }),
        });
        if (answer.ok) return { ok: true, answer: await answer.json() };
        const { what, found, do: todo } = await answer.json().catch(() => ({}));
        const words = [what, found, todo].filter(Boolean).join(". ").replace(/([.?!])\. /g, "$1 ");
        // Only what is wrong with the ops themselves is refused for good; a full disk or a busy project passes.
        return answer.status === 400 || answer.status === 422 ? { ok: false, refused: words || `HTTP ${answer.status}` } : { ok: false, trouble: words };
      } catch (error) { return { ok: false, trouble: "" }; }
    }

    function accept(answer) {
      const mine = new Set(pending.map((op) => op.item));
      for (const [id, state] of Object.entries(answer.states)) if (!mine.has(+id)) setState(+id, state.kind ? state : null);
      if (answer.classes) store.classes = answer.classes;
      changed("states");
    }

    // Ops of a window that was closed or died before they arrived: sent under its own name, so never twice.
    async function adopt() {
      const alive = navigator.locks ? new Set((await navigator.locks.query()).held.map((lock) => lock.name)) : new Set();
      for (const key of Object.keys(localStorage).filter((name) => name.startsWith(prefix) && !name.endsWith(client))) {
        if (alive.has(key)) continue;
        let ops = [];
        try { ops = JSON.parse(localStorage.getItem(key)); } catch { /* not ours to mend */ }
        const who = key.slice(prefix.length);
        let outcome = Array.isArray(ops) && ops.length ? await post(who, ops) : { ok: true };
        if (outcome.refused) for (const op of ops) { outcome = await post(who, [op]); if (outcome.trouble !== undefined) break; }
        if (outcome.ok || outcome.refused) localStorage.removeItem(key);
      }
    }

    // -------------------------------------------------------------- reading
    async function load() {
      const from = pending.length ? pending[0].seq : seq + 1;
      const answer = await FS.api("/queue");
      if (gone) return;
      // What was said here since the question was asked is newer than the answer.
      const mine = [...touched].filter(([, last]) => last >= from).map(([id]) => [id, stateOf(id)]);
      states.clear();
      counts.clear();
      items.clear();
      Object.assign(store, { entries: answer.entries, classes: answer.classes, selection: answer.selection });
      [store.changes, store.row] = answer.version.split(".").map(Number);
      store.entries.forEach((entry, at) => {
        items.set(entry.id, { ...entry, at });
        if (entry.state) setState(entry.id, { kind: entry.state, class: entry.class });
      });
      for (const other of answer.others) setState(other.id, { kind: other.state, class: other.class });
      for (const [id, state] of mine) setState(id, state);
      store.loaded = true;
      changed("queue");
    }

    // What another window, another person or the command line has changed of what this one shows.
    async function follow(state) {
      const [changes, row] = state.version.split(".").map(Number);
      const selection = state.selection ? state.selection.id : null;
      const again = selection !== store.selection || changes !== store.changes;
      if (following || pending.length || (!again && row <= store.row)) return;
      following = true;
      try {
        if (again) await load(); else await news();
      } finally { following = false; }
    }
    async function news() {
      const from = pending.length ? pending[0].seq : seq + 1;
      const answer = await FS.api(`/changes?since=${store.row}`);
      if (gone) return;
      for (const [id, state] of Object.entries(answer.states)) {
        if (!(touched.get(+id) >= from)) setState(+id, state.kind ? state : null);
      }
      Object.assign(store, { row: answer.row, classes: answer.classes });
      changed("states");
    }

    async function item(id) { // what is known of one image, asked for when it is not in the queue
      if (!items.has(id)) items.set(id, { ...(await FS.api(`/item?id=${id}`)), role: null, at: -1 });
      return items.get(id);
    }

    async function saveClass(body) {
      const answer = await FS.api("/classes", body);
      store.classes = answer.classes;
      changed("classes");
      return answer;
    }

    const unlock = { release: () => {} };
    if (navigator.locks) navigator.locks.request(prefix + client, () => new Promise((done) => { unlock.release = done; }));
    const online = () => { delay = 0; flush(); };
    const leaving = (event) => { if (pending.length) { event.preventDefault(); event.returnValue = ""; } };
    window.addEventListener("online", online);
    window.addEventListener("beforeunload", leaving);

    return Object.assign(store, {
      stateOf, isDone, classOf, change, changeMany, offer, undo, redo, load, follow, item, saveClass, flush, older, desk: client.split(".")[0],
      pending: () => pending.length,
      async start() {
        await adopt().catch((error) => console.warn(error));
        await load();
        older().catch((error) => console.warn(error));
      },
      destroy() {
        gone = true;
        clearTimeout(timer);
        unlock.release();
        window.removeEventListener("online", online);
        window.removeEventListener("beforeunload", leaving);
      },
    });
  }

  window.FactLabelStore = { create: createStore };
})();
