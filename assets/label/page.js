// The Label page: shows what the store knows, turns keys and clicks into changes of it.
(function () {
  "use strict";

  const MANY = 10; // classes that have a key by their place

  function attach(root, FS) {
    const { calm, createStage, createStrip, keyList } = window.FactLabelParts;
    const el = FS.el, t = FS.t, at = (name) => parts[name];
    const parts = window.FactLabelFrame.build(root, FS);
    const store = window.FactLabelStore.create(FS, changed), classOf = store.classOf;
    const stage = createStage(FS, at("stage"), (look) => { zoomed = look; drawName(); });
    const strip = createStrip(FS, at("strip"), show);
    const classes = window.FactLabelClasses.create(FS, at("classes"), store, { give, draw: drawClasses });
    window.FactLabelImport.create(FS, at("classes").parentNode, store);
    const suggest = window.FactSuggest.create(FS, store, () => changed("suggest"));
    const map = FactMap.create(at("map"), { label: t("label.map_alt"), onPick: open, describe, name: "label", onPicture: () => changed("map"), onSelect: (ids) => side && side.chose(ids) });
    const head = window.FactLabelHead.create(FS, parts, store);
    const finder = window.FactFind.create(FS, at("classes").parentNode, () => store.classes, give);
    let now = null, place = 0, shown = 0, zoomed = { scale: 1, fit: true, smooth: true }, gridded = false, ids = new Int32Array(0), asked = 0, gone = false;
    const grid = window.FactGrid.create(FS, parts, { store, suggest, pool: () => (map.data ? map.data.ids : ids), classOf, open,
      give: (some, classId, source, seconds) => giveMany(some, classId, source, seconds), mark: (some, kind) => told(store.changeMany(some, kind, null, null, "grid")),
      look: (id) => map.setCurrent(id) });
    let side = null;
    side = window.FactLabelMap.create(FS, parts, store, suggest, map, () => draw());

    const guess = () => (now && now.role !== "audit" && !store.stateOf(now.id) ? suggest.of(now.id) : null);

    // -------------------------------------------------------------- moving about
    async function show(id) {
      parts.root.classList.remove("lb-mapopen");
      const item = store.items.get(id) || await store.item(id).catch((error) => { FS.toast(error); return null; });
      if (!item) return;
      now = item;
      if (item.at >= 0) place = item.at;
      shown = performance.now();
      stage.show(item);
      draw();
      requestIdle(() => stage.ahead(upcoming()));
    }
    function open(id) { view(false); show(id); }
    const requestIdle = window.requestIdleCallback || ((work) => setTimeout(work, 1));

    function upcoming() { // what will be looked at next, in the likeliest order
      const after = nextOpen(place), list = [after, ...[1, 2, 3, 4, 5, -1].map((step) => place + step)];
      return list.filter((i) => i >= 0 && i < store.entries.length).map((i) => store.entries[i]);
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
    function nextSkipped(from) {
      const n = store.entries.length, skipped = (i) => (store.stateOf(store.entries[i].id) || {}).kind === "skip";
      for (let step = 1; step <= n; step++) if (skipped((from + step) % n)) return (from + step) % n;
      return -1;
    }
    function first() { // where work goes on: what has no answer yet, then what was skipped, else the end
      const n = store.entries.length, open = nextOpen(n - 1), at = open < 0 && n ? nextSkipped(n - 1) : open;
      return (store.entries[at] || store.entries[n - 1] || {}).id;
    }
    function toSkipped() {
      const to = nextSkipped(place);
      if (to < 0) return;
      view(false);
      show(store.entries[to].id);
    }
    function move(step) {
      const to = Math.max(0, Math.min(store.entries.length - 1, place + (now && now.at < 0 && step > 0 ? 0 : step)));
      if (store.entries[to]) show(store.entries[to].id);
    }
    function advance(among) { // among the skipped ones when one goes through them
      const open = nextOpen(place), to = open < 0 && among ? nextSkipped(place) : open;
      if (to >= 0) show(store.entries[to].id); else draw();
    }
    function view(many) {
      if (many === gridded) return;
      gridded = many;
      parts.root.classList.toggle("lb-gridmode", many);
      at("one").setAttribute("aria-pressed", String(!many));
      at("many").setAttribute("aria-pressed", String(many));
      FactLasso.keep(FS, "grid", many);
      map.resize();
      grid.show(many);
      if (!many) { if (now) stage.show(now); draw(); }
    }

    // -------------------------------------------------------------- answers
    function answer(kind, classId, source) {
      if (!now) return;
      const seconds = Math.min(3600, (performance.now() - shown) / 1000), was = store.stateOf(now.id);
      if (store.change(now.id, kind, classId, Math.round(seconds * 100) / 100, source)) {
        if (kind === "label") head.pace(seconds);
        map.grow(now.id);
      }
      if (kind === "clear") draw(); else advance(Boolean(was && was.kind === "skip"));
    }
    function give(classId) {
      classes.flash(classId);
      if (side.chosen.length) return giveChosen(classId);
      if (gridded) grid.give(classId); else answer("label", classId);
    }
    function giveMany(some, classId, source, seconds) {
      classes.flash(classId);
      told(store.changeMany(some, "label", classId, seconds === undefined ? null : Math.round(seconds * 100) / 100, source), classId);
    }
    function giveChosen(classId) {
      const free = side.free();
      if (!free.length) return;
      giveMany(free, classId, "map", side.seconds(free.length));
      map.select([]);
    }
    function told(n, classId) { // many at once: said, and undone in one
      if (n > 1 && classId) store.offer(t("label.gave_many", { n: FS.fmt.int(n), name: classOf(classId).name }), clicks.undo);
      else if (n > 1) FS.toast(t("label.changed_many", { n: FS.fmt.int(n) }));
      draw();
    }
    function accept() {
      if (gridded) return grid.confirm();
      const found = guess();
      if (!found || !classOf(found.class)) return;
      classes.flash(found.class);
      answer("label", found.class, "suggestion");
    }
    function skip() {
      if (!now) return;
      const state = store.stateOf(now.id);
      if (state && state.kind === "label") move(1); else answer("skip"); // never throws a label away
    }
    function back(step) {
      const items = step();
      if (!items.length) return;
      if (gridded) grid.refresh(false);
      if (items.length === 1 && !gridded) show(items[0]); else { told(items.length); if (now && !gridded) show(now.id); }
    }
    const mark = (kind) => (gridded ? grid.answer(kind) : answer(kind));
    function escape() { if (side.chosen.length) map.select([]); else if (map.tool) side.tool(map.tool); else if (gridded) grid.clear(); }
    function showKeys() {
      const name = el("input", { type: "text", class: "lb-edit", maxlength: "100", value: FS.person(), "aria-label": t("label.person"), placeholder: t("label.person_none") });
      name.addEventListener("input", () => FS.setPerson(name.value.trim()));
      FS.dialog(t("label.keys"), el("div", { class: "lb-sheet" }, keyList(FS), el("label", { class: "lb-person" }, el("span", {}, t("label.person")), name)),
        (close) => el("button", { class: "btn", type: "button", onclick: () => close() }, t("dialog.close")));
    }
    async function note() {
      if (!now) return;
      const item = now, area = el("textarea", { class: "lb-note", maxlength: "2000", rows: "4", "aria-label": t("label.note") });
      area.value = item.note || "";
      const saved = await FS.dialog(t("label.note"), el("div", {}, area), (close) => [el("button", { class: "btn", type: "button", onclick: () => close() }, t("dialog.cancel")),
        el("button", { class: "btn primary", type: "button", onclick: () => close({ text: area.value }) }, t("label.note_save"))]);
      if (!saved) return;
      try { await FS.api("/note", { item: item.id, text: saved.text, annotator: FS.person() }); item.note = saved.text.trim(); draw(); } catch (error) { FS.toast(error); }
    }

    // -------------------------------------------------------------- drawing
    function changed(what) {
      if (what === "sync") return head.sync();
      if (what === "queue") {
        const keep = now && (store.items.get(now.id) || (now.role === null && now));
        const to = keep ? keep.id : first();
        parts.root.classList.toggle("lb-none", !store.entries.length);
        if (to && (!now || !keep)) show(to);
        else if (keep) now = keep;
      }
      if (what === "map" && gridded) grid.refresh(false);
      draw();
    }
    // The image has the next frame for itself; all that stands around it follows a moment later.
    function draw() { asked = asked || requestAnimationFrame(() => setTimeout(drawNow)); }
    function drawNow() {
      asked = 0;
      if (!store.loaded || gone) return;
      if (now && !gridded) map.setCurrent(now.id);
      head.draw(gridded ? null : now);
      drawClasses();
      if (side) side.draw();
      suggest.follow();
      if (gridded) return grid.follow();
      drawName();
      drawAnswer();
      strip.draw(store, place);
    }
    function drawClasses() {
      const state = now && !gridded && store.stateOf(now.id);
      classes.draw(store, state && state.kind === "label" ? state.class : null);
      const single = store.classes.filter((each) => store.counts.get(each.id) === 1);
      at("advice").textContent = !store.classes.length ? t("label.first_class")
        : single.length ? t("label.one_label", { name: single[0].name }) : store.classes.length > MANY ? t("label.type_letters") : "";
    }
    function drawName() {
      if (!now) return;
      at("name").textContent = now.path.split("/").pop();
      at("name").title = now.path;
      at("size").textContent = `${now.w} × ${now.h}, ${t("label.shown_at", { scale: scaleText(zoomed.scale) })}`;
      at("fit").setAttribute("aria-pressed", zoomed.fit);
      at("smooth").textContent = t(zoomed.smooth ? "label.smooth" : "label.pixels");
      at("suggest").setAttribute("aria-pressed", String(suggest.on));
      at("suggest").title = t(suggest.on ? "label.suggest_on" : "label.suggest_off");
    }
    const scaleText = (scale) => (scale >= 1 ? `${+scale.toFixed(1)}×` : `${Math.round(scale * 100)} %`);
    function drawAnswer() {
      const state = now && store.stateOf(now.id), each = state && state.kind === "label" ? classOf(state.class) : null;
      const found = guess(), like = found && classOf(found.class), words = [];
      if (each) words.push(FS.classMark(each), el("strong", { dir: "auto" }, each.name));
      else if (like) words.push(FS.classMark(like), el("span", { class: "lb-guess" }, t("label.looks_like")), el("strong", { dir: "auto" }, like.name), el("span", { class: "lb-sure" }, FS.fmt.pct(found.sure, 0)));
      else words.push(el("span", {}, t(`label.state_${state ? state.kind : "open"}`)));
      const number = now && now.at >= 0 ? head.number(now) : t("label.not_chosen");
      at("answer").replaceChildren(el("span", { class: "lb-number" }, number), ...words);
      at("accept").hidden = !like || Boolean(each);
      at("clear").hidden = !state;
      at("note").setAttribute("aria-pressed", String(Boolean(now && now.note)));
      at("note").title = (now && now.note) || "";
      const guessed = like && !state ? ` ${t("label.looks_like")} ${like.name} ${FS.fmt.pct(found.sure, 0)}` : "";
      at("live").textContent = `${number}. ${each ? each.name : t(`label.state_${state ? state.kind : "open"}`)}${guessed}`;
    }
    function describe(id) {
      const item = store.items.get(id), state = store.stateOf(id), each = state && state.kind === "label" ? classOf(state.class) : null;
      const found = !state && (item || {}).role !== "audit" ? suggest.of(id) : null, like = found && classOf(found.class);
      const line = each ? each.name : like ? `${t("label.looks_like")} ${like.name}, ${FS.fmt.pct(found.sure, 0)}` : item || state ? t(`label.state_${state ? state.kind : "open"}`) : t("label.in_pool");
      return { title: item && item.at >= 0 ? head.number(item) : t("label.not_chosen"), line };
    }

    // -------------------------------------------------------------- wiring
    const clicks = {
      undo: () => back(store.undo), redo: () => back(store.redo), skip: () => (gridded ? grid.answer("skip") : skip()), flag: () => mark("flag"), clear: () => mark("clear"), accept, note,
      previous: () => move(-1), next: () => move(1), fit: stage.fit, actual: stage.actual, smooth: stage.smooth,
      suggest: () => suggest.turn(!suggest.on), closer: () => stage.zoomBy(1.25), farther: () => stage.zoomBy(0.8), train: () => FS.go("train"), choose: () => FS.go("select"),
      mapCloser: () => map.zoom(1.4), mapFarther: () => map.zoom(1 / 1.4), mapFit: map.fit, keys: () => showKeys(), find: () => side.find(),
      lasso: () => side.tool("lasso"), box: () => side.tool("box"), unselect: () => map.select([]), one: () => view(false), many: () => view(!gridded || at("many").offsetParent !== null),
      gridclear: grid.clear, gridconfirm: grid.confirm, gridorder: grid.order,
      skipped: toSkipped, endSkipped: toSkipped, hideNotice: head.hush,
      showMap: () => { parts.root.classList.toggle("lb-mapopen"); map.resize(); },
    };
    parts.root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-act]");
      if (button && !button.disabled) clicks[button.dataset.act]();
    });
    parts.root.querySelectorAll("[data-act]").forEach(calm);
    at("gridlist").addEventListener("change", () => { grid.choose(at("gridlist").value); if (!at("gridlist").matches(":focus-visible")) at("gridscroll").focus(); });
    const deaf = window.FactLabelKeys.listen(root, () => store.loaded, {
      give: (to) => store.classes[to] && give(store.classes[to].id), own: (letter) => store.classes.findIndex((each) => each.key && each.key === letter),
      many: () => store.classes.length > MANY, find: finder.open, grid: () => gridded, view: () => view(!gridded), accept, escape,
      move, skip, undo: clicks.undo, redo: clicks.redo, flag: clicks.flag, clear: clicks.clear, add: classes.add, zoom: stage.zoomBy, sheet: showKeys,
      step: grid.move, row: grid.vertical, page: grid.page, toggle: grid.toggle, all: grid.all,
    });
    const off = FS.onState((state) => {
      map.follow(state.map);
      if (store.loaded) store.follow(state).catch((error) => FS.toast(error));
    });
    // Another page may ask for an image: FS.labelItem = id, then the event "fs:label".
    const jump = () => { if (FS.labelItem) open(FS.labelItem); FS.labelItem = 0; };
    document.addEventListener("fs:label", jump);
    at("one").setAttribute("aria-pressed", "true");
    at("many").setAttribute("aria-pressed", "false");
    store.start().then(() => { if (FactLasso.kept(FS, "grid")) view(true); jump(); },
      async (error) => { await FS.refresh(); if (!FS.state || !FS.state.problem) FS.toast(error); }); // of an address of no project the Project page tells

    return () => {
      gone = true;
      document.removeEventListener("fs:label", jump);
      deaf();
      head.destroy();
      off();
      store.destroy();
      suggest.destroy();
      stage.destroy();
      grid.destroy();
      map.destroy();
    };
  }

  window.FS.help.label = () => [window.FactLabelParts.keyList(window.FS)];
  window.FS.register("label", attach);
})();
