// The label page's static parts: head, classes, image, grid, map.
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

    const grid = () => el("section", { class: "pane lb-grid", "aria-label": t("label.grid") },
      el("div", { class: "pane-head" }, part("gridlist", el("select", { class: "lb-colour", "aria-label": t("grid.which") })), part("gridcount", el("span", { class: "small" })),
        part("gridhint", el("span", { class: "small clip lg-hint" })), el("span", { class: "push" }), button("gridorder", "quiet slim")),
      part("gridscroll", el("div", { class: "lg-scroll", role: "listbox", "aria-multiselectable": "true", tabindex: "0", "aria-label": t("label.grid") })),
      part("gridbar", el("div", { class: "lg-bar", hidden: true }, part("gridmarked", el("strong", {})), button("gridclear", "lb-bar-button", t("grid.clear")),
        part("gridpress", el("span", { class: "clip" })), el("span", { class: "push" }),
        button("gridconfirm", "", part("gridconfirmtext", el("span", {})), el("kbd", {}, t("label.cap_accept"))))));

    root.classList.add("fill", "lb");
    root.append(
      el("div", { class: "page-head lb-head" },
        el("h1", {}, t("label.title")),
        el("span", { class: "lb-count-of" }, part("done", el("b", {})), " ", part("of", el("span", {}))),
        el("span", { class: "meter lb-meter" }, part("meter", el("i", {}))),
        part("facts", el("span", { class: "fact clip" })),
        part("skipped", el("button", { type: "button", class: "link lb-skipped", "data-act": "skipped", hidden: true })),
        el("span", { class: "lb-views", role: "group", "aria-label": t("label.views") },
          button("one", "slim", FS.icon("image"), el("span", {}, t("label.one"))), button("many", "slim", FS.icon("grid"), el("span", {}, t("label.grid")))),
        el("span", { class: "push" }),
        part("sync", el("span", { class: "lb-sync" })),
        icon("undo", "undo", "label.undo"), icon("redo", "redo", "label.redo"),
        button("train", "tinted", part("long", el("span", { class: "lb-long" })), el("span", { class: "lb-short" }, t("label.train_short")))),
      el("div", { class: "lb-empty" }, el("p", {}, t("label.empty")), button("choose", "primary", t("label.choose"))),
      el("div", { class: "lb-panes" },
        el("section", { class: "pane lb-side", "aria-label": t("label.classes") },
          el("div", { class: "pane-head" }, el("h2", {}, t("label.classes")), part("tally", el("span", { class: "small push clip" }))),
          part("classes", el("ol", { class: "lb-classes" })),
          part("advice", el("p", { class: "small lb-advice" }))),
        el("section", { class: "pane lb-main", "aria-label": t("label.image") },
          el("div", { class: "pane-head lb-about" },
            part("name", el("span", { class: "clip" })), part("size", el("span", { class: "small lb-size" })),
            el("span", { class: "push lb-zoom" },
              button("fit", "quiet slim", t("label.fit")), button("actual", "quiet slim", t("label.actual")),
              icon("farther", "minus", "label.farther"), icon("closer", "plus", "label.closer"), button("smooth", "quiet slim"), button("suggest", "quiet slim", t("label.suggest")))),
          part("stage", el("div", { class: "lb-stage" })),
          el("div", { class: "lb-answer-row" },
            part("answer", el("div", { class: "lb-answer", "aria-hidden": "true" })),
            part("accept", el("button", { type: "button", class: "btn", "data-act": "accept", hidden: true }, el("span", {}, t("label.accept")), el("kbd", {}, t("label.cap_accept")))),
            part("live", el("span", { class: "sr", role: "status", "aria-live": "polite" })),
            el("div", { class: "lb-acts" },
              button("clear", "quiet", t("label.clear")), icon("note", "edit", "label.note", "icon quiet"),
              keyed("skip", "label.cap_skip", "label.skip", "skip"), keyed("flag", "label.cap_flag", "label.flag", "flag"))),
          el("div", { class: "lb-queue" },
            icon("previous", "chevron-left", "label.previous"), part("strip", el("div", { class: "lb-strip" })),
            icon("next", "chevron-right", "label.next"))),
        grid(),
        el("section", { class: "pane lb-map", "aria-label": t("label.map") },
          el("div", { class: "pane-head" }, el("h2", {}, t("label.map")),
            part("colour", el("select", { class: "lb-colour", "aria-label": t("label.map_colour") },
              window.FactLabelMap.COLOURS.map((name) => el("option", { value: name }, t(`label.colour_${name}`))))),
            el("span", { class: "push" }), icon("find", "search", "label.map_search"), icon("lasso", "lasso", "label.lasso"), icon("box", "box", "label.box"),
            icon("mapFarther", "minus", "label.farther"), icon("mapCloser", "plus", "label.closer"), icon("mapFit", "fit", "label.map_fit"),
            el("button", { type: "button", class: "btn icon lb-close", "data-act": "showMap", "aria-label": t("label.close"), title: t("label.close") }, FS.icon("x"))),
          part("finder", el("div", { class: "lb-search", hidden: true },
            part("search", el("input", { type: "search", class: "lb-edit", "aria-label": t("label.map_search"), placeholder: t("label.map_search"), maxlength: "200", spellcheck: "false" })),
            part("hits", el("span", { class: "small", role: "status" })))),
          part("map", el("div", { class: "lb-canvas" })),
          part("chosen", el("div", { class: "lb-chosen", role: "status", hidden: true })),
          part("legend", el("div", { class: "lb-legend" })))),
      part("offline", el("p", { class: "note bad lb-notice", role: "alert", hidden: true })),
      part("notice", el("div", { class: "note good lb-notice", role: "status", hidden: true })),
      el("nav", { class: "lb-bar", "aria-label": t("label.actions") },
        ...[["undo", "undo", "label.undo"], ["skip", "skip", "label.skip"], ["flag", "flag", "label.flag"], ["many", "grid", "label.grid"], ["showMap", "map", "label.map"]]
          .map(([act, image, key]) => el("button", { type: "button", "data-act": act }, FS.icon(image), el("span", {}, t(key))))));
    return parts;
  }

  window.FactLabelFrame = { build };
})();
