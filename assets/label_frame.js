// The label page's static parts, and the side of its map: marks and legend.
(function () {
  "use strict";

  function build(root, FS) {
    const parts = { root };
    const el = FS.el, t = FS.t;
    const part = (name, node) => { parts[name] = node; return node; };
    const button = (name, look, ...inside) => part(name, el("button", { type: "button", class: `btn ${look}`, "data-act": name }, ...inside));
    const icon = (name, image, key, look = "icon") =>
      part(name, el("button", { type: "button", class: `btn ${look}`, "data-act": name, title: t(key), "aria-label": t(key) }, FS.icon(image)));
    const keyed = (name, key, text, image) => button(name, "quiet", el("span", { class: "lb-ico" }, FS.icon(image)), el("span", {}, t(text)), el("kbd", {}, t(key)));

    root.classList.add("fill", "lb");
    root.append(
      el("div", { class: "page-head lb-head" },
        el("h1", {}, t("label.title")),
        el("span", { class: "lb-count-of" }, part("done", el("b", {})), " ", part("of", el("span", {}))),
        el("span", { class: "meter lb-meter" }, part("meter", el("i", {}))),
        part("facts", el("span", { class: "fact clip" })),
        el("span", { class: "push" }),
        part("sync", el("span", { class: "lb-sync" })),
        icon("undo", "undo", "label.undo"), icon("redo", "redo", "label.redo"),
        button("train", "tinted", part("long", el("span", { class: "lb-long" })), el("span", { class: "lb-short" }, t("label.train_short")))),
      el("div", { class: "lb-empty" }, el("p", {}, t("label.empty")), button("choose", "primary", t("label.choose"))),
      el("div", { class: "lb-panes" },
        el("section", { class: "pane lb-side", "aria-label": t("label.classes") },
          el("div", { class: "pane-head" }, el("h2", {}, t("label.classes")), el("span", { class: "small push" }, t("label.labels"))),
          part("classes", el("ol", { class: "lb-classes" })),
          part("advice", el("p", { class: "small lb-advice" }))),
        el("section", { class: "pane lb-main", "aria-label": t("label.image") },
          el("div", { class: "pane-head lb-about" },
            part("name", el("span", { class: "clip" })), part("size", el("span", { class: "small lb-size" })),
            el("span", { class: "push lb-zoom" },
              button("fit", "quiet slim", t("label.fit")), button("actual", "quiet slim", t("label.actual")),
              icon("farther", "minus", "label.farther"), icon("closer", "plus", "label.closer"), button("smooth", "quiet slim"))),
          part("stage", el("div", { class: "lb-stage" })),
          part("offline", el("p", { class: "note bad lb-notice", role: "alert", hidden: true })),
          part("notice", el("p", { class: "note good lb-notice", role: "status", hidden: true })),
          el("div", { class: "lb-answer-row" },
            part("answer", el("div", { class: "lb-answer", "aria-hidden": "true" })),
            part("live", el("span", { class: "sr", role: "status", "aria-live": "polite" })),
            el("div", { class: "lb-acts" },
              button("clear", "quiet", t("label.clear")),
              keyed("skip", "label.cap_skip", "label.skip", "skip"), keyed("flag", "label.cap_flag", "label.flag", "flag"))),
          el("div", { class: "lb-queue" },
            icon("previous", "chevron-left", "label.previous"), part("strip", el("div", { class: "lb-strip" })),
            icon("next", "chevron-right", "label.next"))),
        el("section", { class: "pane lb-map", "aria-label": t("label.map") },
          el("div", { class: "pane-head" }, el("h2", {}, t("label.map")), el("span", { class: "small" }, t("label.map_colour")),
            el("span", { class: "push" }), icon("mapFarther", "minus", "label.farther"), icon("mapCloser", "plus", "label.closer"),
            icon("mapFit", "fit", "label.map_fit"),
            el("button", { type: "button", class: "btn icon lb-close", "data-act": "showMap", "aria-label": t("label.close"), title: t("label.close") }, FS.icon("x"))),
          part("map", el("div", { class: "lb-canvas" })),
          part("legend", el("div", { class: "lb-legend" })))),
      el("nav", { class: "lb-bar", "aria-label": t("label.actions") },
        ...[["undo", "undo", "label.undo"], ["skip", "skip", "label.skip"], ["flag", "flag", "label.flag"], ["showMap", "map", "label.map"]]
          .map(([act, image, key]) => el("button", { type: "button", "data-act": act }, FS.icon(image), el("span", {}, t(key))))));
    return parts;
  }

  // What the map shows of the labels, and the legend that says so. A click in it hides a class, a double click isolates it.
  function mapSide(FS, host, store, classIndex, redraw) {
    const hidden = new Set(), t = FS.t;
    const shape = (kind) => FS.el("i", { class: `lb-sign lb-sign-${kind}`, "aria-hidden": "true" });
    function marks() {
      const below = [], above = [];
      const add = (id, state) => {
        if (!state) return above.push({ id, shape: "ring" });
        if (state.kind !== "label") return below.push({ id, shape: state.kind === "skip" ? "cross" : "flag" });
        const index = classIndex(state.class);
        if (index < 0 || hidden.has(state.class)) return 0;
        return above.push({ id, shape: "disc", colour: FS.color(index), form: FS.shape(index) });
      };
      for (const entry of store.entries) if (entry.role === "pick" || store.isDone(entry.id)) add(entry.id, store.stateOf(entry.id));
      for (const [id, state] of store.states) if (!store.items.has(id) || store.items.get(id).role === null) add(id, state);
      return below.concat(above);
    }
    function toggle(id) { if (!hidden.delete(id)) hidden.add(id); redraw(); }
    function isolate(id) {
      const alone = !hidden.has(id) && hidden.size === store.classes.length - 1;
      hidden.clear();
      if (!alone) for (const each of store.classes) if (each.id !== id) hidden.add(each.id);
      redraw();
    }
    function classEntry(each, index) {
      const button = FS.el("button", { type: "button", class: "lb-key", "aria-pressed": String(!hidden.has(each.id)), title: t("label.legend_hint") },
        FS.mark(index), FS.el("span", { dir: "auto" }, each.name));
      button.addEventListener("mousedown", (event) => event.preventDefault());
      button.addEventListener("click", (event) => (event.detail > 1 ? 0 : toggle(each.id)));
      button.addEventListener("dblclick", () => isolate(each.id));
      return button;
    }
    const entry = (kind, key, n) => FS.el("span", { class: "lb-key" }, shape(kind), t(key), n === null ? "" : FS.el("small", {}, FS.fmt.int(n)));
    let drawn = "";
    function draw(pool) {
      const n = { open: 0, skip: 0, flag: 0, label: 0 };
      for (const each of store.entries) if (each.role === "pick" || store.isDone(each.id)) n[(store.stateOf(each.id) || { kind: "open" }).kind]++;
      const used = store.classes.filter((each) => store.counts.get(each.id) > 0);
      const now = JSON.stringify([pool, n, used.map((each) => [each.id, each.name, hidden.has(each.id)])]);
      if (now === drawn) return;
      drawn = now;
      host.replaceChildren(entry("current", "label.key_current", null), entry("ring", "label.state_open", n.open),
        ...(n.skip ? [entry("cross", "label.state_skip", n.skip)] : []), ...(n.flag ? [entry("flag", "label.state_flag", n.flag)] : []),
        ...(pool ? [entry("pool", "label.key_pool", Math.max(0, pool - store.entries.length))] : []),
        ...used.map((each) => classEntry(each, classIndex(each.id))));
    }
    return { marks, draw };
  }

  window.FactLabelFrame = { build, mapSide };
})();
