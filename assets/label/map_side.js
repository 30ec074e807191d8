// The side of the label page's map: its colours, marks and legend, the search by name, and the dots chosen by a loop.
(function () {
  "use strict";

  const BAKED = 2000; // more answers than this are painted into the dots: drawn one by one they cost 150 ms
  const FEW = 60; // images labeled beside the chosen ones: more of them get smaller marks
  const COLOURS = ["label", "like", "sure", "chosen", "part", "group"];

  // page: {map, parts, store, suggest, roleOf(id), give...}; changed() draws the page again.
  function create(FS, parts, store, suggest, map, changed) {
    const t = FS.t, el = FS.el, hidden = new Set(), kept = FactLasso.kept(FS, "colour");
    let mode = COLOURS.includes(kept) ? kept : "label", groups = null, drawn = "", painted = "", chosen = [], relabel = false, single = [], since = 0;

    const classOf = store.classOf;
    const isHidden = (key) => hidden.has(`${mode}:${key}`);

    // -------------------------------------------------------------- marks: what the queue and the labels say
    function marks() {
      const below = [], above = [], many = store.states.size > BAKED, beside = store.states.size - store.entries.length > FEW ? "dot" : "disc";
      const add = (id, state, shape) => {
        if (!state) return above.push({ id, shape: "ring" });
        if (state.kind !== "label") return below.push({ id, shape: state.kind === "skip" ? "cross" : "flag" });
        const each = classOf(state.class);
        if (!each || isHidden(each.id)) return 0;
        return (shape === "dot" ? below : above).push({ id, shape, colour: FS.classColor(each), form: FS.classShape(each) });
      };
      for (const entry of store.entries) if (entry.role === "pick" || store.isDone(entry.id)) add(entry.id, store.stateOf(entry.id), "disc");
      if (!many) for (const [id, state] of store.states) if (!store.items.has(id) || store.items.get(id).role === null) add(id, state, beside);
      return below.concat(above);
    }

    // -------------------------------------------------------------- colours of the dots
    function paint() {
      const data = map.data;
      if (!data) return;
      const many = store.states.size > BAKED, columns = suggest.columns();
      const key = JSON.stringify([mode, data.key, [...hidden], many && store.given, many && store.row, columns && ["like", "sure"].includes(mode) && [columns.given, columns.labels],
        ["chosen", "part"].includes(mode) && [store.given, store.row, store.selection], store.classes.map((each) => [each.id, each.colour]), Boolean(groups)]);
      if (key === painted) return;
      painted = key;
      if (mode === "label" && !many) return map.paint(null, [], null);
      const n = data.n, index = new Uint16Array(n).fill(65535), alpha = new Uint8Array(n).fill(255);
      let palette = store.classes.map((each) => FS.classColor(each));
      const place = new Map(store.classes.map((each, i) => [each.id, i]));
      const set = (id, colour, strength = 255) => { const row = data.rows.get(id); if (row !== undefined) { index[row] = colour; alpha[row] = strength; } };
      const veil = (id) => { const row = data.rows.get(id); if (row !== undefined) alpha[row] = 0; };
      if (mode === "label") {
        for (const [id, state] of store.states) if (state.kind === "label" && place.has(state.class)) { if (isHidden(state.class)) veil(id); else set(id, place.get(state.class)); }
      } else if (mode === "like" || mode === "sure") {
        if (mode === "sure") palette = ["var(--accent-mark)"];
        if (columns) columns.ids.forEach((id, row) => {
          if (roleOf(id) === "audit") return; // what is checked is not told
          const each = columns.classes[columns.y[row]];
          if (isHidden(each)) veil(id); else set(id, mode === "sure" ? 0 : place.get(each) ?? 65535, mode === "sure" ? 30 + Math.round(0.88 * columns.sure[row]) : 70 + Math.round(0.72 * columns.sure[row]));
        });
      } else if (mode === "group") {
        palette = Array.from({ length: 12 }, (_, i) => FS.color(i));
        if (groups) groups.ids.forEach((id, row) => { if (isHidden(groups.of[row])) veil(id); else set(id, groups.of[row]); });
      } else {
        palette = ["var(--accent-mark)", "var(--ink)"];
        for (const [id, part] of members()) if (isHidden(part)) veil(id); else set(id, part === "check" ? 1 : 0);
      }
      map.paint(index, palette, alpha);
    }
    const roleOf = (id) => (store.items.get(id) || { role: null }).role;
    function members() { // image -> "pick" or "check": chosen to be labeled, or labeled and therefore trained on or checked with
      const found = new Map();
      for (const entry of store.entries) if (mode === "chosen") found.set(entry.id, entry.role === "audit" ? "check" : "pick");
      if (mode === "part") for (const [id, state] of store.states) if (state.kind === "label") found.set(id, roleOf(id) === "audit" ? "check" : "pick");
      return found;
    }
    async function colourBy(name) {
      mode = name;
      FactLasso.keep(FS, "colour", mode);
      parts.colour.value = mode;
      if (mode === "group" && !groups) {
        const buffer = await FS.api("/groups", undefined, { raw: true }).catch((error) => { FS.toast(error); return new ArrayBuffer(0); });
        const n = buffer.byteLength / 5;
        groups = { ids: new Int32Array(buffer, 0, n), of: new Uint8Array(buffer, 4 * n, n) };
      }
      draw();
    }

    // -------------------------------------------------------------- the legend: a click hides, a double click isolates
    function keys() { // what can be hidden: [key, mark, words, number]
      const columns = suggest.columns(), used = (n) => store.classes.map((each) => [each.id, FS.classMark(each), each.name, n(each)]).filter(([, , , count]) => count > 0);
      const sign = (kind) => el("i", { class: `lb-sign lb-sign-${kind}`, "aria-hidden": "true" });
      if (mode === "label") return used((each) => store.counts.get(each.id) || 0);
      if ((mode === "like" || mode === "sure") && columns) return used((each) => suggest.list(each.id).length);
      if (mode === "group" && groups) {
        const sizes = new Map();
        groups.of.forEach((each) => sizes.set(each, (sizes.get(each) || 0) + 1));
        return [...sizes].sort((a, b) => a[0] - b[0]).map(([each, n]) => [each, FS.mark(each), t("label.group", { n: each + 1 }), n]);
      }
      if (mode === "chosen" || mode === "part") {
        const n = { pick: 0, check: 0 };
        for (const part of members().values()) n[part]++;
        return ["pick", "check"].map((part) => [part, sign(part === "pick" ? "pick" : "darkdot"), t(`label.${mode}_${part}`), n[part]]).filter(([, , , count]) => count);
      }
      return [];
    }
    function toggle(key) { if (!hidden.delete(`${mode}:${key}`)) hidden.add(`${mode}:${key}`); draw(); }
    function isolate(key, all) {
      const alone = !isHidden(key) && all.every((each) => each === key || isHidden(each));
      for (const each of all) hidden.delete(`${mode}:${each}`);
      if (!alone) for (const each of all) if (each !== key) hidden.add(`${mode}:${each}`);
      draw();
    }
    function button([key, mark, words, n], all) {
      const made = el("button", { type: "button", class: "lb-key", "aria-pressed": String(!isHidden(key)), title: t("label.legend_hint"), dataset: { key } },
        mark, el("span", { dir: "auto" }, words), el("small", {}, FS.fmt.int(n)));
      made.addEventListener("mousedown", (event) => event.preventDefault());
      made.addEventListener("click", (event) => {
        if (event.shiftKey) return isolate(key, all);
        if (event.detail > 1) return;
        single = [...hidden];
        toggle(key);
      });
      made.addEventListener("dblclick", () => { // as if its first click had not been
        hidden.clear();
        single.forEach((each) => hidden.add(each));
        isolate(key, all);
      });
      return made;
    }
    const entry = (kind, key, n) => el("span", { class: "lb-key" }, el("i", { class: `lb-sign lb-sign-${kind}`, "aria-hidden": "true" }), t(key), n === null ? "" : el("small", {}, FS.fmt.int(n)));
    function drawLegend() {
      const n = { open: 0, skip: 0, flag: 0, label: 0 }, pool = map.data ? map.data.n : 0;
      for (const each of store.entries) if (each.role === "pick" || store.isDone(each.id)) n[(store.stateOf(each.id) || { kind: "open" }).kind]++;
      const rows = keys(), all = rows.map(([key]) => key), empty = ["like", "sure"].includes(mode) && !suggest.columns();
      const now = JSON.stringify([mode, pool, n, empty, suggest.why, rows.map(([key, , words, count]) => [key, words, count, isHidden(key)]), store.classes.map((each) => each.colour)]);
      if (now === drawn) return;
      drawn = now;
      const held = parts.legend.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      parts.legend.replaceChildren(entry("current", "label.key_current", null), entry("ring", "label.state_open", n.open),
        ...(n.skip ? [entry("cross", "label.state_skip", n.skip)] : []), ...(n.flag ? [entry("flag", "label.state_flag", n.flag)] : []),
        ...(pool ? [entry("pool", "label.key_pool", Math.max(0, pool - store.entries.length))] : []), ...rows.map((row) => button(row, all)),
        ...(empty ? [el("span", { class: "lb-key" }, t(suggest.on ? `label.why_${suggest.why || "labels"}` : "label.why_off"))] : mode === "sure" ? [el("span", { class: "lb-key" }, t("label.fainter"))] : []));
      const again = held && [...parts.legend.children].find((each) => each.dataset.key === held);
      if (again) again.focus();
    }

    // -------------------------------------------------------------- dots chosen on the map
    const parted = () => { // who of the chosen gets a label now
      const checks = chosen.filter((id) => roleOf(id) === "audit"), rest = chosen.filter((id) => roleOf(id) !== "audit");
      const have = rest.filter((id) => store.isDone(id));
      return { checks: checks.length, have: have.length, free: relabel ? rest : rest.filter((id) => !store.isDone(id)) };
    };
    function chose(ids) {
      chosen = ids;
      since = performance.now();
      relabel = false;
      FactLasso.keep(FS, "selected", ids.length <= 20000 ? ids : null);
      changed();
    }
    function drawChosen() {
      parts.chosen.hidden = !chosen.length;
      if (!chosen.length) return;
      const { checks, have, free } = parted(), notes = [];
      if (have) notes.push(el("label", {}, Object.assign(el("input", { type: "checkbox", onchange: (event) => { relabel = event.target.checked; changed(); } }), { checked: relabel }), t(have === 1 ? "label.also_one" : "label.also", { n: FS.fmt.int(have) })));
      if (checks) notes.push(el("span", {}, t(checks === 1 ? "label.without_check" : "label.without_checks", { n: FS.fmt.int(checks) })));
      parts.chosen.replaceChildren(el("strong", {}, t(chosen.length === 1 ? "label.selected_one" : "label.selected", { n: FS.fmt.int(chosen.length) })), ...notes,
        el("span", { class: "push" }, free.length ? t("label.press_class", { n: FS.fmt.int(free.length) }) : t("label.none_free")),
        el("button", { type: "button", class: "lb-bar-button", "data-act": "unselect" }, t("label.unselect"), el("kbd", {}, t("label.cap_escape"))));
    }

    // -------------------------------------------------------------- search by name
    async function search(text) {
      if (!text.trim()) return map.select([]);
      try {
        const found = await FS.api(`/find?name=${encodeURIComponent(text.trim())}`);
        parts.hits.textContent = t(found.total === 1 ? "label.hit" : "label.hits", { n: FS.fmt.int(found.total) });
        map.select(found.ids);
        if (found.ids.length) parts.search.blur(); // now a key gives them a class
      } catch (error) { FS.toast(error); }
    }

    function draw() { map.setMarks(marks()); paint(); drawLegend(); drawChosen(); }
    parts.colour.addEventListener("change", () => {
      if (!parts.colour.matches(":focus-visible")) parts.colour.blur(); // chosen by mouse: keys are for classes again
      colourBy(parts.colour.value);
    });
    parts.search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") search(parts.search.value);
      else if (event.key === "Escape") { parts.search.value = ""; parts.hits.textContent = ""; map.select([]); parts.finder.hidden = true; }
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    if (mode !== "label") colourBy(mode);
    const before = FactLasso.kept(FS, "selected");
    if (Array.isArray(before) && before.length) map.select(before);

    return {
      draw, chose, search,
      get chosen() { return chosen; },
      seconds: (n) => Math.min(3600, (performance.now() - since) / 1000 / n), // each of n took, since they were chosen
      free: () => parted().free,
      find() { // shows the field; hides it where the person types in it
        parts.finder.hidden = !parts.finder.hidden && document.activeElement === parts.search;
        if (!parts.finder.hidden) { parts.search.focus(); parts.search.select(); }
      },
      tool(kind) {
        const now = map.tool === kind ? "" : kind;
        map.setTool(now);
        for (const each of ["lasso", "box"]) parts[each].setAttribute("aria-pressed", String(now === each));
      },
    };
  }

  window.FactLabelMap = { create, COLOURS };
})();
