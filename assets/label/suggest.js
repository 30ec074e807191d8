// Suggestions of the label page: asked for after labels were stored, never while a key is being answered.
//   of(id) -> {class, sure} | null      list(classId) -> ids, surest first      columns() -> {ids, y, sure, classes}
(function () {
  "use strict";

  const EVERY = 3, EACH = 20, IDLE = 1500; // labels between two askings, once there are EACH of them; ms without a label

  function create(FS, store, changed) {
    let data = null, asked = "", inflight = false, timer = 0, gone = false, lists = new Map(), on = kept();
    const rows = new Map(); // image -> row of data

    function kept() { try { return localStorage.getItem("fs-suggest") !== "0"; } catch { return true; } }
    function turn(yes) {
      on = yes;
      try { localStorage.setItem("fs-suggest", yes ? "1" : "0"); } catch { /* for this window only */ }
      if (on) ask(); else changed();
    }

    const labels = () => { let n = 0; for (const count of store.counts.values()) n += count; return n; };
    const stamp = () => `${store.row}:${store.given}:${store.classes.length}`;

    // Called after anything changed; asks when enough is new, or when the person rests.
    function follow() {
      if (!on || !store.loaded || stamp() === asked) return;
      clearTimeout(timer);
      const new_ = data ? Math.abs(store.given - data.given) : EVERY;
      if (new_ >= EVERY || labels() < EACH) timer = setTimeout(ask, 30); // the next image is painted first
      else timer = setTimeout(ask, IDLE);
    }

    async function ask() {
      if (inflight || gone || !on) return;
      if (store.pending()) { timer = setTimeout(ask, 60); return; } // they are not in the answer yet
      inflight = true;
      const now = stamp(), given = store.given;
      try {
        const buffer = await FS.api("/suggest", undefined, { raw: true });
        if (gone) return;
        asked = now;
        take(buffer, given);
      } catch (error) { console.warn("no suggestions:", error); } // the page goes on without
      finally { inflight = false; }
      if (stamp() !== asked) follow();
    }

    function take(buffer, given) {
      const length = new DataView(buffer).getUint32(0, true), at = 4 + length;
      const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length))), n = head.n;
      const ids = new Int32Array(buffer, at, n), same = data && data.ids.length === n && data.ids[0] === ids[0] && data.ids[n - 1] === ids[n - 1];
      data = { ids, y: new Uint16Array(buffer, at + 4 * n, n), sure: new Uint8Array(buffer, at + 6 * n, n), classes: head.classes, labels: head.labels, why: head.why, given };
      if (!same) { rows.clear(); ids.forEach((id, row) => rows.set(id, row)); }
      lists = new Map();
      changed();
    }

    function of(id) {
      const row = on && data ? rows.get(id) : undefined;
      return row === undefined ? null : { class: data.classes[data.y[row]], sure: data.sure[row] / 255 };
    }

    // All images that look like a class, surest first; sorted by counting, for there may be a million.
    function list(classId) {
      if (!on || !data || !data.ids.length) return [];
      if (!lists.size) {
        const n = data.ids.length, from = new Uint32Array(257), order = new Uint32Array(n);
        for (let row = 0; row < n; row++) from[256 - data.sure[row]]++;
        for (let i = 0; i < 256; i++) from[i + 1] += from[i];
        for (let row = 0; row < n; row++) order[from[255 - data.sure[row]]++] = row;
        for (const each of data.classes) lists.set(each, []);
        const of = data.classes.map((each) => lists.get(each));
        for (const row of order) of[data.y[row]].push(data.ids[row]);
      }
      return lists.get(classId) || [];
    }

    return {
      of, list, follow, turn, ask,
      get on() { return on; },
      get why() { return data ? data.why : ""; },
      columns: () => (on && data && data.ids.length ? data : null),
      row: (id) => rows.get(id),
      destroy() { gone = true; clearTimeout(timer); },
    };
  }

  window.FactSuggest = { create };
})();
