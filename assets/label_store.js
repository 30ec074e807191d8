// What the label page knows, and the way its labels travel. No drawing here.
// A change is shown at once and waits in a queue: one POST in flight, each op with (client, seq), so that a
// repeated one is harmless. The queue lies in localStorage until the server has committed it.
(function () {
  "use strict";

  const BATCH = 200, UNDO = 500;
  const DONE = new Set(["label", "skip", "flag"]);

  function createStore(FS, changed) {
    const project = FS.p, prefix = `fact.ops.${project}.`;
    const client = crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random()}`.slice(0, 40);
    const states = new Map(), counts = new Map(), items = new Map();
    const store = { entries: [], classes: [], states, counts, items, loaded: false, selection: null,
      undoable: [], redoable: [], sync: { waiting: 0, offline: false } };
    const touched = new Map(); // image -> number of our last op on it
    let seq = 0, pending = [], inflight = false, delay = 0, timer = 0, gone = false;

    // -------------------------------------------------------------- states
    const stateOf = (id) => states.get(id) || null;
    const isDone = (id) => DONE.has((states.get(id) || {}).kind);
    function setState(id, state) {
      const before = states.get(id);
      if (before && before.kind === "label") counts.set(before.class, (counts.get(before.class) || 0) - 1);
      if (state && state.kind === "label") counts.set(state.class, (counts.get(state.class) || 0) + 1);
      if (state) states.set(id, state); else states.delete(id);
    }

    // An image has one answer: label, skip or flag ("cannot tell"). On the server the flag is a mark of its own,
    // so coming from it or going to it clears first; such a pair is undone together.
    function change(item, kind, classId, seconds) {
      const before = stateOf(item);
      const after = kind === "clear" ? null : { kind, class: kind === "label" ? classId : null };
      if ((before && before.kind) === (after && after.kind) && (!after || before.class === after.class)) return false;
      const pair = before && after && (before.kind === "flag" || kind === "flag");
      setState(item, after);
      store.undoable.push({ item, before, after, rows: pair ? 2 : 1 });
      if (store.undoable.length > UNDO) store.undoable.shift();
      store.redoable.length = 0;
      if (pair) send({ kind: "clear", item, class_id: null, lead_time: null });
      send({ kind, item, class_id: after ? after.class : null, lead_time: seconds });
      return true;
    }

    // The way back and forth: one more row of the history for each. Returns the image it is about, or 0.
    function step(from, to, kind, side) {
      const last = from.pop();
      if (!last) return 0;
      to.push(last);
      setState(last.item, last[side]);
      for (let row = 0; row < last.rows; row++) send({ kind, item: last.item, class_id: null, lead_time: null });
      return last.item;
    }
    const undo = () => step(store.undoable, store.redoable, "undo", "before");
    const redo = () => step(store.redoable, store.undoable, "redo", "after");

    // -------------------------------------------------------------- the queue of ops
    function send(op) {
      pending.push({ seq: ++seq, ...op });
      touched.set(op.item, seq);
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
      const batch = pending.slice(0, store.alone ? 1 : BATCH);
      const outcome = await post(client, batch);
      inflight = false;
      if (outcome.ok) {
        Object.assign(store.sync, { offline: false, trouble: "" });
        delay = 0;
        store.alone = false;
        pending = pending.filter((op) => op.seq > outcome.answer.last_seq);
        remember();
        accept(outcome.answer);
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
      store.entries.forEach((entry, at) => {
        items.set(entry.id, { ...entry, at });
        if (entry.state) setState(entry.id, { kind: entry.state, class: entry.class });
      });
      for (const other of answer.others) setState(other.id, { kind: other.state, class: other.class });
      for (const [id, state] of mine) setState(id, state);
      store.loaded = true;
      changed("queue");
    }

    // Whether another window, or the command line, has changed what this one shows.
    function differs(state) {
      const selection = state.selection ? state.selection.id : null;
      const seen = (each, count) => [each.id, each.name, count];
      const theirs = JSON.stringify((state.classes || []).map((each) => seen(each, each.count)));
      const ours = JSON.stringify(store.classes.map((each) => seen(each, counts.get(each.id) || 0)));
      const again = selection !== store.selection || theirs !== ours || state.version.split(".")[0] !== store.changes;
      store.changes = state.version.split(".")[0];
      return again;
    }

    async function item(id) { // what is known of one image, asked for when it is not in the queue
      if (!items.has(id)) items.set(id, { ...(await FS.api(`/item?id=${id}`)), role: null, at: -1 });
      return items.get(id);
    }

    async function saveClass(body) {
      const answer = await FS.api("/classes", body);
      store.classes = answer.classes;
      changed("classes");
      return answer.id;
    }

    const unlock = { release: () => {} };
    if (navigator.locks) navigator.locks.request(prefix + client, () => new Promise((done) => { unlock.release = done; }));
    const online = () => { delay = 0; flush(); };
    const leaving = (event) => { if (pending.length) { event.preventDefault(); event.returnValue = ""; } };
    window.addEventListener("online", online);
    window.addEventListener("beforeunload", leaving);

    return Object.assign(store, {
      stateOf, isDone, change, undo, redo, load, differs, item, saveClass, flush,
      pending: () => pending.length,
      async start() { await adopt().catch((error) => console.warn(error)); await load(); },
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
