// The grid: many images at once, only those on the screen are there. In a list "looks like X" a click or drag marks the
// wrong ones and one key gives X to the others that were seen; in other lists they are selected as in a file manager.
(function () {
  "use strict";

  const SIDE = 112, GAP_X = 8, GAP_Y = 12, WORDS = 20, SPARE = 2; // px; rows kept above and below what is seen

  // page: {store, suggest, pool() -> ids, classOf(id), give(ids, classId, source), look(id), changed()}
  function create(FS, parts, page) {
    const { store, suggest } = page, t = FS.t, el = FS.el, host = parts.gridscroll;
    const floor = el("div", { class: "lg-floor" });
    host.append(floor);
    const tiles = new Map(), marked = new Set(), refused = new Map(); // refused: class -> images that are not it
    let list = "", sure = true, ids = [], columns = 1, side = SIDE, own = false, seen = 0, focus = 0, anchor = 0, drag = null, frame = 0, since = performance.now(), shown = false;

    const likeOf = () => (list.startsWith("like:") ? Number(list.slice(5)) : 0);
    const line = () => side + WORDS + GAP_Y;
    const isOpen = (id) => !store.isDone(id) && (store.items.get(id) || {}).role !== "audit";

    // -------------------------------------------------------------- which images
    function lists() {
      const open = page.pool().length ? [["open", t("grid.open")]] : [];
      const picks = [["picks", t("grid.picks")]];
      const like = store.classes.map((each) => [`like:${each.id}`, t("grid.like", { name: each.name }), suggest.list(each.id).length]).filter(([, , n]) => n);
      const of = store.classes.filter((each) => store.counts.get(each.id) > 0).map((each) => [`class:${each.id}`, t("grid.class", { name: each.name })]);
      return { like, rest: [...picks, ...open, ["skipped", t("grid.skipped")]], of };
    }
    function members() {
      const like = likeOf();
      if (like) {
        const not = refused.get(like) || new Set(), found = suggest.list(like).filter((id) => isOpen(id) && !not.has(id));
        return sure ? found : found.slice().reverse();
      }
      if (list === "open") return Array.from(page.pool()).filter(isOpen);
      if (list === "picks") return store.entries.filter((entry) => entry.role === "pick" && !store.isDone(entry.id)).map((entry) => entry.id);
      const wanted = list.startsWith("class:") ? (state) => state.kind === "label" && state.class === Number(list.slice(6)) : (state) => state.kind !== "label";
      return [...store.states].filter(([, state]) => wanted(state)).map(([id]) => id);
    }
    function choose(name) {
      own = true; // by the person: another list never takes its place
      list = name;
      marked.clear();
      refresh(true);
    }
    // The list stays as it is while somebody looks at it: new suggestions sort the next one.
    function refresh(again) {
      if (!shown) return;
      const all = lists(), known = [...all.like, ...all.rest, ...all.of].map(([name]) => name);
      if (!known.includes(list)) { list = (all.like.slice().sort((a, b) => b[2] - a[2])[0] || ["picks"])[0]; again = true; }
      parts.gridlist.replaceChildren(...[["grid.group_like", all.like], ["grid.group_rest", all.rest], ["grid.group_class", all.of]].filter(([, rows]) => rows.length)
        .map(([label, rows]) => el("optgroup", { label: t(label) }, rows.map(([name, words]) => el("option", { value: name }, words)))));
      parts.gridlist.value = list;
      ids = members();
      if (marked.size) { const there = new Set(ids); for (const id of marked) if (!there.has(id)) marked.delete(id); }
      if (again) { host.scrollTop = 0; seen = 0; focus = 0; anchor = 0; since = performance.now(); }
      focus = Math.min(focus, Math.max(0, ids.length - 1));
      seen = Math.min(seen, ids.length);
      draw();
    }

    const waits = () => !own && !likeOf(); // for suggestions
    function follow() { // answers from elsewhere
      if (!shown) return;
      if (waits() && !ids.length && lists().like.length) { list = ""; return refresh(true); }
      const left = likeOf() || list === "open" || list === "picks" ? ids.filter(isOpen) : ids;
      if (left.length !== ids.length) {
        const gone = ids.slice(0, seen).filter((id) => !isOpen(id)).length;
        ids = left;
        seen = Math.max(0, seen - gone);
        for (const id of [...marked]) if (!isOpen(id)) marked.delete(id);
        focus = Math.min(focus, Math.max(0, ids.length - 1));
      }
      draw();
    }

    // -------------------------------------------------------------- drawing
    function draw() { if (!frame && shown) frame = requestAnimationFrame(paint); }
    function paint() {
      frame = 0;
      if (!shown || !host.clientWidth) return;
      const wide = host.clientWidth - 32;
      columns = Math.max(2, Math.floor((wide + GAP_X) / (SIDE + GAP_X)));
      side = Math.floor((wide - (columns - 1) * GAP_X) / columns);
      const rows = Math.ceil(ids.length / columns), under = covered(), first = Math.max(0, Math.floor((host.scrollTop - 16) / line()) - SPARE);
      const last = Math.min(rows, Math.ceil((host.scrollTop + host.clientHeight) / line()) + SPARE);
      floor.style.height = `${rows * line() + 16 + under}px`; // the last row can be scrolled out from under the bar
      const whole = Math.floor((host.scrollTop + host.clientHeight - under - 16 + GAP_Y) / line()) * columns; // rows of which all is seen
      const top = Math.ceil(Math.max(0, host.scrollTop - 16) / line()) * columns; // of the first row of which all is seen
      if (top <= seen) seen = Math.max(seen, Math.min(ids.length, Math.max(columns, whole))); // what was jumped over was not seen
      const now = [];
      for (let i = first * columns; i < Math.min(ids.length, last * columns); i++) now.push(place(i));
      const same = now.length === floor.childNodes.length && now.every((node, i) => floor.childNodes[i] === node);
      if (!same) floor.replaceChildren(...now);
      if (tiles.size > 600) for (const [id, node] of tiles) if (!node.isConnected) tiles.delete(id);
      if (ids.length) host.setAttribute("aria-activedescendant", `lg-${ids[focus]}`); else host.removeAttribute("aria-activedescendant");
      drawWords();
    }
    function covered() { // px at the bottom that the bar lies over
      parts.gridbar.hidden = !ids.length || (!likeOf() && !marked.size);
      return parts.gridbar.hidden || getComputedStyle(parts.gridbar).position === "static" ? 0 : parts.gridbar.offsetHeight + 16;
    }
    function place(i) {
      const id = ids[i], like = likeOf(), state = store.stateOf(id);
      let tile = tiles.get(id);
      if (!tile) {
        tile = el("div", { class: "lg-tile", role: "option", id: `lg-${id}` }, el("span", { class: "lg-picture" }, el("img", { src: FS.thumb(id), alt: "", draggable: "false" })), el("span", { class: "lg-words" }));
        tile.fsId = id;
        tiles.set(id, tile);
      }
      tile.style.transform = `translate(${16 + (i % columns) * (side + GAP_X)}px, ${16 + Math.floor(i / columns) * line()}px)`;
      tile.style.width = `${side}px`;
      tile.firstChild.style.height = `${side}px`;
      tile.fsPlace = i;
      const is = marked.has(id), found = suggest.of(id), each = state && state.kind === "label" ? page.classOf(state.class) : like ? page.classOf(like) : null;
      const words = is && like ? t("grid.not", { name: each ? each.name : "" }) : like && found ? FS.fmt.pct(found.sure, 0)
        : state ? (each ? each.name : t(`label.state_${state.kind}`)) : found ? (page.classOf(found.class) || { name: "" }).name : "";
      if (tile.lastChild.textContent !== words) tile.lastChild.textContent = words;
      tile.classList.toggle("lg-wrong", is && Boolean(like));
      tile.classList.toggle("lg-selected", is && !like);
      tile.classList.toggle("lg-focus", i === focus);
      tile.setAttribute("aria-selected", String(like ? !is : is));
      tile.setAttribute("aria-label", t("grid.tile", { n: i + 1, total: ids.length, words }));
      return tile;
    }
    function drawWords() {
      const like = likeOf(), each = like && page.classOf(like), rest = like ? confirmable().length : 0;
      parts.gridcount.textContent = !ids.length ? t("grid.none") : like ? t("grid.seen", { n: FS.fmt.int(seen), total: FS.fmt.int(ids.length) }) : t(ids.length === 1 ? "grid.total_one" : "grid.total", { total: FS.fmt.int(ids.length) });
      parts.gridhint.textContent = ids.length ? t(like ? "grid.hint_like" : "grid.hint") : t(suggest.on && suggest.why ? `label.why_${suggest.why}` : "grid.hint_none");
      parts.gridorder.hidden = !like;
      parts.gridorder.textContent = t(sure ? "grid.surest" : "grid.unsurest");
      parts.gridmarked.textContent = t(like ? "grid.marked" : marked.size === 1 ? "grid.selected_one" : "grid.selected", { n: FS.fmt.int(marked.size) });
      parts.gridclear.hidden = !marked.size;
      parts.gridpress.textContent = marked.size ? t(like ? "grid.press_wrong" : "grid.press") : "";
      parts.gridconfirm.hidden = !like;
      parts.gridconfirm.disabled = !rest;
      if (like && each) parts.gridconfirmtext.textContent = t(rest === 1 ? "grid.confirm_one" : "grid.confirm", { n: FS.fmt.int(rest), name: each.name });
    }

    // -------------------------------------------------------------- marking
    const confirmable = () => ids.slice(0, seen).filter((id) => !marked.has(id));
    function range(from, to, yes) {
      for (let i = Math.min(from, to); i <= Math.max(from, to); i++) if (yes) marked.add(ids[i]); else marked.delete(ids[i]);
    }
    function press(i, event) {
      const like = likeOf(), before = new Set(marked);
      focus = i;
      if (event.shiftKey) { if (!like) marked.clear(); range(anchor, i, true); drag = null; }
      else {
        const alone = !like && !(event.ctrlKey || event.metaKey), yes = alone || !marked.has(ids[i]);
        if (alone) marked.clear();
        range(i, i, yes);
        anchor = i;
        drag = { from: i, yes, before: alone ? new Set() : before };
      }
      page.look(ids[i]);
      draw();
    }
    function pull(i) {
      if (!drag || i === undefined) return;
      marked.clear();
      for (const id of drag.before) marked.add(id);
      range(drag.from, i, drag.yes);
      focus = i;
      draw();
    }
    const tileAt = (event) => { const hit = document.elementFromPoint(event.clientX, event.clientY), tile = hit && hit.closest(".lg-tile"); return tile && floor.contains(tile) ? tile : null; };
    host.addEventListener("pointerdown", (event) => {
      const tile = tileAt(event);
      if (event.button || !tile) return;
      if (event.pointerType !== "touch") event.preventDefault();
      host.focus({ preventScroll: true });
      if (event.pointerType !== "touch") press(tile.fsPlace, event);
    });
    host.addEventListener("click", (event) => { const tile = event.pointerType === "touch" && tileAt(event); if (tile) { press(tile.fsPlace, { ctrlKey: true }); drag = null; } });
    host.addEventListener("pointermove", (event) => { if (drag && event.buttons & 1) { const tile = tileAt(event); if (tile) pull(tile.fsPlace); } });
    for (const end of ["pointerup", "pointercancel"]) addEventListener(end, stopDrag);
    function stopDrag() { drag = null; }
    host.addEventListener("dblclick", (event) => { const tile = tileAt(event); if (tile) page.open(tile.fsId); });
    host.addEventListener("scroll", draw, { passive: true });
    const watcher = new ResizeObserver(draw);
    watcher.observe(host);

    // -------------------------------------------------------------- answers
    const seconds = () => Math.round((performance.now() - since) / 10) / 100;
    function confirm() {
      const like = likeOf(), rest = like ? confirmable() : [];
      if (!rest.length) return;
      const not = refused.get(like) || new Set();
      for (const id of marked) not.add(id);
      refused.set(like, not);
      marked.clear();
      page.give(rest, like, "grid", Math.min(3600, seconds() / rest.length));
      refresh(true);
    }
    function give(classId) { // the marked images get this class; without any, the grid shows what looks like it
      if (!marked.size) return void choose(suggest.list(classId).length ? `like:${classId}` : list);
      const some = ids.filter((id) => marked.has(id)), time = seconds() / some.length;
      marked.clear();
      page.give(some, classId, "grid", Math.min(3600, time));
      refresh(false);
      since = performance.now();
    }
    function move(step, event = {}) {
      if (!ids.length) return;
      const from = focus;
      focus = Math.max(0, Math.min(ids.length - 1, focus + step));
      if (event.shiftKey) range(from, focus, true); else anchor = focus;
      const top = 16 + Math.floor(focus / columns) * line();
      if (top < host.scrollTop + 8) host.scrollTop = top - 16;
      else if (top + line() > host.scrollTop + host.clientHeight - covered()) host.scrollTop = top + line() - host.clientHeight + covered() + 4;
      page.look(ids[focus]);
      draw();
    }

    return {
      choose, refresh, follow, draw, confirm, give, move,
      vertical: (step, event) => move(step * columns, event),
      page: (step) => move(step * columns * Math.max(1, Math.floor(host.clientHeight / line()))),
      toggle() { if (ids.length) { range(focus, focus, !marked.has(ids[focus])); anchor = focus; draw(); } },
      all() { for (const id of ids) marked.add(id); draw(); },
      clear() { marked.clear(); draw(); },
      answer(kind) { if (!marked.size) return; const some = ids.filter((id) => marked.has(id)); marked.clear(); page.mark(some, kind); refresh(false); },
      order() { sure = !sure; marked.clear(); refresh(true); },
      get marked() { return marked.size; },
      show(yes) { shown = yes; if (yes) { if (waits()) list = ""; refresh(!ids.length); host.focus({ preventScroll: true }); } },
      destroy() { watcher.disconnect(); for (const end of ["pointerup", "pointercancel"]) removeEventListener(end, stopDrag); },
    };
  }

  window.FactGrid = { create };
})();
