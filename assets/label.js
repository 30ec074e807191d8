// The Label page: shows what the store knows, turns keys and clicks into changes of it.
(function () {
  "use strict";

  const PACE = 6; // seconds an image, until the person's own pace is known

  function attach(root, FS) {
    const { calm, createStage, createStrip, createClasses, keyList } = window.FactLabelParts;
    const el = FS.el, t = FS.t, at = (name) => parts[name];
    const parts = window.FactLabelFrame.build(root, FS);
    const store = window.FactLabelStore.create(FS, changed);
    const stage = createStage(FS, at("stage"), (look) => { zoomed = look; drawName(); });
    const strip = createStrip(FS, at("strip"), show);
    const classes = createClasses(FS, at("classes"), { give, draw: drawClasses, rename: (id, name) => saveClass({ op: "rename", id, name }),
      add: (name) => saveClass({ op: "add", name }) });
    const map = FactMap.create(at("map"), { label: t("label.map_alt"), onPick: show, describe });
    const side = window.FactLabelFrame.mapSide(FS, at("legend"), store, classIndex, () => drawMap());
    let now = null, place = 0, shown = 0, zoomed = { scale: 1, fit: true, smooth: true }, paces = [], celebrated = "";

    function classIndex(id) { return store.classes.findIndex((each) => each.id === id); }

    // -------------------------------------------------------------- moving about
    async function show(id) {
      parts.root.classList.remove("lb-mapopen");
      const item = store.items.get(id) || await store.item(id).catch((error) => { FS.toast(error); return null; });
      if (!item) return;
      now = item;
      if (item.at >= 0) place = item.at;
      shown = performance.now();
      stage.show(item);
      map.setCurrent(id);
      draw();
      requestIdle(() => stage.ahead(upcoming()));
    }
    const requestIdle = window.requestIdleCallback || ((work) => setTimeout(work, 1));

    function upcoming() { // what will be looked at next, in the likeliest order
      const after = nextOpen(place), list = [after, ...[1, 2, 3, -1].map((step) => place + step)];
      return list.filter((i) => i >= 0 && i < store.entries.length).map((i) => store.entries[i].id);
    }
    function nextOpen(from) { // the next image without an answer: later ones first, then from the start; picks before checks
      const n = store.entries.length;
      const open = (i) => !store.isDone(store.entries[i].id);
      const picksOpen = store.entries.some((entry, i) => entry.role === "pick" && open(i));
      for (let step = 1; step <= n; step++) {
        const i = (from + step) % n;
        if (open(i) && !(picksOpen && store.entries[i].role !== "pick")) return i;
      }
      return -1;
    }
    function move(step) {
      const to = Math.max(0, Math.min(store.entries.length - 1, place + (now && now.at < 0 && step > 0 ? 0 : step)));
      if (store.entries[to]) show(store.entries[to].id);
    }
    function advance() {
      const to = nextOpen(place);
      if (to >= 0) show(store.entries[to].id); else draw();
    }

    // -------------------------------------------------------------- answers
    function answer(kind, classId) {
      if (!now) return;
      const seconds = Math.min(3600, (performance.now() - shown) / 1000);
      if (store.change(now.id, kind, classId, Math.round(seconds * 100) / 100)) {
        if (kind === "label") paces = [...paces.slice(-19), Math.min(seconds, 60)];
        map.grow(now.id);
      }
      if (kind === "clear") draw(); else advance();
    }
    function give(classId) { classes.flash(classId); answer("label", classId); }
    function skip() {
      if (!now) return;
      const state = store.stateOf(now.id);
      if (state && state.kind === "label") move(1); else answer("skip"); // never throws a label away
    }
    function back(step) { const id = step(); if (id) show(id); }
    const showKeys = () => FS.dialog(t("label.keys"), keyList(FS), (close) => el("button", { class: "btn", type: "button",
      onclick: () => close() }, t("dialog.close")));
    async function saveClass(body) {
      try { await store.saveClass(body); } catch (error) { FS.toast(error); }
    }

    // -------------------------------------------------------------- drawing
    function changed(what) {
      if (what === "sync") return drawSync();
      if (what === "queue") {
        const keep = now && (store.items.get(now.id) || (now.role === null && now));
        const first = keep ? keep.id : (store.entries[nextOpen(-1 + store.entries.length)] || store.entries[0] || {}).id;
        parts.root.classList.toggle("lb-none", !store.entries.length);
        if (first && (!now || !keep)) return show(first);
        if (keep) now = keep;
      }
      draw();
    }
    function draw() {
      if (!store.loaded) return;
      drawHead(); drawClasses(); drawName(); drawAnswer(); drawMap(); drawSync();
      strip.draw(store, place, classIndex);
    }
    function drawClasses() {
      const state = now && store.stateOf(now.id);
      classes.draw(store, state && state.kind === "label" ? state.class : null);
      const single = store.classes.filter((each) => store.counts.get(each.id) === 1);
      at("advice").textContent = !store.classes.length ? t("label.first_class")
        : single.length ? t("label.one_label", { name: single[0].name }) : "";
    }
    function tally(role) {
      const of = store.entries.filter((entry) => entry.role === role), count = { total: of.length, label: 0, skip: 0, flag: 0 };
      for (const entry of of) { const state = store.stateOf(entry.id); if (state) count[state.kind]++; }
      count.open = count.total - count.label - count.skip - count.flag;
      return count;
    }
    function drawHead() {
      const picks = tally("pick"), checks = tally("audit"), checking = picks.open === 0 && checks.total > 0;
      const main = checking ? checks : picks, labels = picks.label;
      at("done").textContent = FS.fmt.int(main.label);
      at("of").textContent = t(checking ? "label.of_checks" : "label.of", { total: FS.fmt.int(main.total) });
      at("meter").style.width = `${(100 * (main.total - main.open)) / Math.max(1, main.total)}%`;
      const pace = paces.length ? [...paces].sort((a, b) => a - b)[paces.length >> 1] : PACE, notes = [];
      if (main.skip) notes.push(t("label.n_skipped", { n: main.skip }));
      if (main.flag) notes.push(t("label.n_flagged", { n: main.flag }));
      if (main.open) notes.push(t("label.left", { time: FS.fmt.time(Math.max(60, Math.ceil((main.open * pace) / 60) * 60)) }));
      if (!checking && picks.open && checks.total) notes.push(t("label.then_checks", { n: checks.total }));
      at("facts").textContent = notes.join(", ");
      at("long").textContent = t(labels === 1 ? "label.train_one" : "label.train", { n: FS.fmt.int(labels) });
      at("train").className = `btn ${picks.open === 0 && checks.open === 0 ? "primary" : "tinted"}`;
      at("train").disabled = labels === 0;
      at("undo").disabled = !store.undoable.length;
      at("redo").disabled = !store.redoable.length;
      drawNotice(picks, checks);
    }
    function drawNotice(picks, checks) {
      let text = "";
      if (store.entries.length && picks.open === 0) {
        const done = t(picks.label === picks.total ? "label.all_done" : "label.all_seen", { n: picks.label, total: picks.total });
        if (checks.open === checks.total && checks.total) text = `${done} ${t("label.next_checks", { n: checks.total })}`;
        else if (checks.open === 0) text = `${done} ${t("label.then_train")}`;
      }
      if (text !== celebrated) { celebrated = text; at("notice").textContent = text; at("notice").hidden = !text; }
    }
    function drawName() {
      if (!now) return;
      at("name").textContent = now.path.split("/").pop();
      at("name").title = now.path;
      at("size").textContent = `${now.w} × ${now.h}, ${t("label.shown_at", { scale: scaleText(zoomed.scale) })}`;
      at("fit").setAttribute("aria-pressed", zoomed.fit);
      at("smooth").textContent = t(zoomed.smooth ? "label.smooth" : "label.pixels");
    }
    const scaleText = (scale) => (scale >= 1 ? `${+scale.toFixed(1)}×` : `${Math.round(scale * 100)} %`);
    function drawAnswer() {
      const state = now && store.stateOf(now.id), index = state && state.kind === "label" ? classIndex(state.class) : -1;
      const words = [];
      if (index >= 0) words.push(FS.mark(index), el("strong", { dir: "auto" }, store.classes[index].name));
      else words.push(el("span", {}, t(`label.state_${state ? state.kind : "open"}`)));
      const number = now && now.at >= 0 ? numberOf(now) : t("label.not_chosen");
      at("answer").replaceChildren(el("span", { class: "lb-number" }, number), ...words);
      at("clear").hidden = !state;
      at("live").textContent = `${number}. ${index >= 0 ? store.classes[index].name : t(`label.state_${state ? state.kind : "open"}`)}`;
    }
    function numberOf(item) {
      const of = store.entries.filter((entry) => entry.role === item.role), n = of.findIndex((entry) => entry.id === item.id) + 1;
      return t(item.role === "audit" ? "label.check_number" : "label.number", { n, total: of.length });
    }
    function drawSync() {
      const { waiting, offline, trouble } = store.sync, node = at("sync");
      const state = !waiting ? "saved" : offline ? "waiting" : "saving"; // "saved" is never said of what is still on its way
      if (node.dataset.state !== state || state !== "saved") {
        node.dataset.state = state;
        const icon = { saved: "check", saving: "arrows", waiting: "warn" }[state] || "check";
        node.replaceChildren(FS.icon(icon), el("span", {}, t(`label.sync_${state}`, { n: waiting })));
      }
      at("offline").hidden = state !== "waiting";
      if (state !== "waiting") return;
      at("offline").textContent = trouble ? `${trouble} ${t("label.waiting_here", { n: waiting })}` : t(waiting === 1 ? "label.offline_one" : "label.offline", { n: waiting });
    }
    function drawMap() { map.setMarks(side.marks()); side.draw(map.data ? map.data.n : 0); }
    function describe(id) {
      const item = store.items.get(id), state = store.stateOf(id), index = state && state.kind === "label" ? classIndex(state.class) : -1;
      const line = index >= 0 ? store.classes[index].name : item || state ? t(`label.state_${state ? state.kind : "open"}`) : t("label.in_pool");
      return { title: item && item.at >= 0 ? numberOf(item) : t("label.not_chosen"), line };
    }

    // -------------------------------------------------------------- wiring
    const clicks = {
      undo: () => back(store.undo), redo: () => back(store.redo), skip, flag: () => answer("flag"), clear: () => answer("clear"),
      previous: () => move(-1), next: () => move(1), fit: stage.fit, actual: stage.actual, smooth: stage.smooth,
      closer: () => stage.zoomBy(1.25), farther: () => stage.zoomBy(0.8), train: () => FS.go("train"), choose: () => FS.go("select"),
      mapCloser: () => map.zoom(1.4), mapFarther: () => map.zoom(1 / 1.4), mapFit: map.fit, keys: () => showKeys(),
      showMap: () => { parts.root.classList.toggle("lb-mapopen"); map.resize(); },
    };
    parts.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-act]");
      if (button && !button.disabled) clicks[button.dataset.act]();
    });
    parts.root.querySelectorAll("[data-act]").forEach(calm);
    const deaf = window.FactLabelKeys.listen(root, () => store.loaded, {
      give: (place) => store.classes[place] && give(store.classes[place].id), move, skip, undo: clicks.undo, redo: clicks.redo,
      flag: clicks.flag, clear: clicks.clear, add: classes.add, zoom: stage.zoomBy, sheet: showKeys,
    });
    const off = FS.onState((state) => {
      map.follow(state.map);
      if (store.loaded && !store.pending() && store.differs(state)) store.load().catch((error) => FS.toast(error));
    });
    // Another page may ask for an image: FS.labelItem = id, then the event "fs:label".
    const jump = () => { if (FS.labelItem) show(FS.labelItem); FS.labelItem = 0; };
    document.addEventListener("fs:label", jump);
    store.start().then(jump, (error) => FS.toast(error));

    return () => {
      document.removeEventListener("fs:label", jump);
      deaf();
      off();
      store.destroy();
      stage.destroy();
      map.destroy();
    };
  }

  window.FS.help.label = () => [window.FactLabelParts.keyList(window.FS)];
  window.FS.register("label", attach);
})();
