/* The frame: icons, notices, dialogs, menus, and the header with its five steps. */
(() => {
  "use strict";
  const FS = window.FS;
  const el = FS.el;

  // 16 x 16, drawn with a 1.5 px pen; "." entries are filled.
  const ICONS = {
    check: "M3 8.5l3.2 3.2L13 5",
    "chevron-down": "M4 6l4 4 4-4",
    "chevron-left": "M10 4L6 8l4 4",
    "chevron-right": "M6 4l4 4-4 4",
    plus: "M8 3v10M3 8h10",
    minus: "M3 8h10",
    x: "M4 4l8 8M12 4l-8 8",
    moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6z",
    sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.4M8 13.1v1.4M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1",
    help: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM6.1 6.3a1.9 1.9 0 1 1 2.7 1.8c-.6.3-.8.6-.8 1.2M8 11.3v.2",
    cpu: "M4.5 4.5h7v7h-7zM6.5 6.5h3v3h-3zM6 1.8v2.7M10 1.8v2.7M6 11.5v2.7M10 11.5v2.7M1.8 6h2.7M1.8 10h2.7M11.5 6h2.7M11.5 10h2.7",
    undo: "M5.5 3L2.8 5.8l2.7 2.7M3 5.8h6.2a3.6 3.6 0 0 1 0 7.2H7",
    redo: "M10.5 3l2.7 2.8-2.7 2.7M13 5.8H6.8a3.6 3.6 0 0 0 0 7.2H9",
    skip: "M3 4l4 4-4 4M8.5 4l4 4-4 4",
    flag: "M4 14V2.5h8.5L10.5 5.5l2 3H4",
    map: "M3.5 4h.01M8 3h.01M12.5 5h.01M4.5 8.5h.01M9 8h.01M12.5 10.5h.01M6 12.5h.01M10 13h.01",
    grid: "M2.5 2.5h4.2v4.2H2.5zM9.3 2.5h4.2v4.2H9.3zM2.5 9.3h4.2v4.2H2.5zM9.3 9.3h4.2v4.2H9.3z",
    image: "M2 3h12v10H2zM2 11l3.5-3.5L9 11l2-2 3 3M10.5 6h.01",
    trash: "M3 4.5h10M6.2 4.5V2.8h3.6v1.7M4.3 4.5l.6 8.7h6.2l.6-8.7M6.8 7v3.8M9.2 7v3.8",
    folder: "M2 12.5v-9h4.2l1.6 2H14v7z",
    stop: "M4.5 4.5h7v7h-7z",
    play: "M5 3.5l7 4.5-7 4.5z",
    download: "M8 2.5v7.5M4.8 7L8 10.2 11.2 7M3 13.2h10",
    search: "M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4zM10.2 10.2l3.3 3.3",
    fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
    lasso: "M8 3C4.7 3 2.2 4.6 2.2 6.6S4.7 10.2 8 10.2s5.8-1.6 5.8-3.6S11.3 3 8 3zM5 9.8c-1 .9-.6 2.2.6 2.2 1 0 1.4.9.6 1.8",
    box: "M3 3h2M7 3h2M11 3h2v2M13 7v2M13 11v2h-2M9 13H7M5 13H3v-2M3 9V7M3 5V3",
    lock: "M4 7.2h8v6.3H4zM5.8 7.2V5.1a2.2 2.2 0 0 1 4.4 0v2.1",
    copy: "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
    arrows: "M13 6.5A5.2 5.2 0 0 0 3.6 5.2M3 9.5a5.2 5.2 0 0 0 9.4 1.3M3.4 2.2v3.2h3.2M12.6 13.8v-3.2H9.4",
    warn: "M8 2.2l6.2 11.3H1.8zM8 6.3v3.4M8 11.6v.2",
    edit: "M3 13l.6-2.8L10.8 3 13 5.2 5.8 12.4zM9.5 4.3l2.2 2.2",
    more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
    external: "M9 3h4v4M13 3L7.5 8.5M7 4H3v9h9V9",
  };
  const SVG = "http://www.w3.org/2000/svg";
  FS.icon = (name) => {
    const svg = document.createElementNS(SVG, "svg");
    for (const [key, value] of Object.entries({ viewBox: "0 0 16 16", class: "ico", fill: "none", stroke: "currentColor", "stroke-width": 1.5, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" }))
      svg.setAttribute(key, value);
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", ICONS[name] || "");
    if (name === "cpu") svg.setAttribute("stroke-width", 1.2);
    if (name === "more" || name === "map") svg.setAttribute("stroke-width", 2.4);
    svg.append(path);
    return svg;
  };
  function logo() {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 20 20");
    svg.setAttribute("class", "logo");
    svg.setAttribute("aria-hidden", "true");
    for (let i = 0; i < 9; i += 1) {
      const dot = document.createElementNS(SVG, "circle");
      const big = i === 5;
      for (const [key, value] of Object.entries({ cx: 3 + 7 * (i % 3), cy: 3 + 7 * Math.floor(i / 3), r: big ? 3 : 1.7, fill: "currentColor" })) dot.setAttribute(key, value);
      if (big) dot.setAttribute("class", "dot");
      svg.append(dot);
    }
    return svg;
  }

  // ---- notices -----------------------------------------------------------------------------------
  /** An error in the pane it concerns: what is wrong, what was found, what to do. */
  FS.errorBox = (error, kind = "bad") => el("div", { class: `note ${kind}`, role: "alert" }, told(error));
  // A bare value, such as a name or a number, would dangle behind the sentence before it.
  const found = (text) => (/\.$/.test(text) ? text : stop(FS.t("error.found", { found: text })));
  const told = (error) => [el("b", {}, stop(error.what)), error.found ? ` ${found(error.found)}` : "", error.do ? ` ${stop(error.do)}` : ""];
  const stop = (FS.sentence = (text) => (/[.?!…]$/.test(text) ? text : `${text}.`));
  let layer = null;
  function floats() {
    if (!layer || !layer.isConnected) document.body.append((layer = el("section", { class: "fs", "aria-label": FS.t("floats") })));
    return layer;
  }
  let toasts = null;
  /** A short notice that leaves by itself, an error later, and never while the pointer or the focus is on it.
   *  action: {text, act}, a button in it, such as Undo; only the newest notice has one. Returns what closes it. */
  FS.toast = (message, kind = "", action = null) => {
    const error = message && message.what ? message : null;
    if (error && error.status === 0) return () => {}; // no answer at all: the bar at the top says so
    if (!toasts) floats().append((toasts = el("div", { class: "toasts", role: "status", "aria-live": "polite" })));
    const same = [...toasts.children].find((each) => each.dataset.text === (error ? error.what : message));
    if (same) same.remove();
    if (action) toasts.querySelectorAll(".acts").forEach((older) => older.remove());
    const toast = el(
      "div",
      { class: `toast ${error ? "bad" : kind}${action ? " acts" : ""}`, dataset: { text: error ? error.what : message } },
      el("div", { class: "say" }, error ? told(error) : message),
      action ? el("button", { class: "btn slim", type: "button", onclick: () => (toast.remove(), action.act()) }, action.text) : "",
      el("button", { class: "btn icon", type: "button", "aria-label": FS.t("dialog.close"), onclick: () => toast.remove() }, FS.icon("x")),
    );
    toasts.append(toast);
    const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 2000) : toast.remove());
    setTimeout(leave, error ? 15000 : action ? 12000 : kind === "bad" ? 10000 : 5000);
    while (toasts.children.length > 4) toasts.firstChild.remove();
    return () => toast.remove();
  };
  let bar = null;
  document.addEventListener("fs:offline", (event) => {
    if (bar) bar.remove();
    bar = event.detail ? el("div", { class: "offline", role: "alert" }, FS.icon("warn"), FS.t("offline")) : null;
    if (bar) floats().append(bar);
  });
  FS.shut = () => {
    if (bar) bar.remove();
    floats().append((bar = el("div", { class: "offline", role: "alert" }, FS.icon("lock"), FS.t("denied"))));
    document.body.classList.add("fs-offline");
  };

  // ---- dialogs and menus -----------------------------------------------------------------------------
  /** A dialog with nodes of our own. ``foot`` builds its buttons. Resolves with what close(value) was given. */
  FS.dialog = (title, body, foot) =>
    new Promise((resolve) => {
      const box = el("dialog", { "aria-label": title });
      const close = (value) => {
        box.fsValue = value;
        box.close();
      };
      box.append(el("div", { class: "body" }, el("h1", {}, title), body), el("div", { class: "foot" }, foot(close)));
      box.addEventListener("close", () => {
        box.remove();
        resolve(box.fsValue);
      });
      box.addEventListener("click", (event) => event.target === box && close());
      floats().append(box);
      box.showModal();
    });
  FS.confirm = ({ title, text, yes, danger = false }) =>
    FS.dialog(title, el("p", {}, text), (close) => [
      el("button", { class: "btn", type: "button", onclick: () => close(false) }, FS.t("dialog.cancel")),
      el("button", { class: `btn ${danger ? "danger" : "primary"}`, type: "button", onclick: () => close(true) }, yes),
    ]).then(Boolean);
  /** A menu below a button. entries: [{text, act, icon, key, current, disabled} | null for a line]. */
  FS.menu = (button, entries) => {
    const menu = el("div", { class: "menu", role: "menu", "aria-label": button.getAttribute("aria-label") });
    const away = (event) => {
      if (event.type === "keydown" && event.key !== "Escape" && event.key !== "Tab") return;
      if (event.type === "pointerdown" && menu.contains(event.target)) return;
      if (event.type === "keydown") event.preventDefault();
      if (event.type === "keydown") event.stopImmediatePropagation();
      close();
    };
    const close = () => {
      menu.remove();
      removeEventListener("pointerdown", away, true);
      removeEventListener("keydown", away, true);
      removeEventListener("resize", close);
      button.focus();
      if (opens) button.setAttribute("aria-expanded", "false");
    };
    for (const entry of entries)
      menu.append(
        entry
          ? el("button", { type: "button", role: "menuitem", disabled: entry.disabled, "aria-current": entry.current ? "true" : null, onclick: () => (close(), entry.act()) }, entry.icon ? FS.icon(entry.icon) : "", el("span", { class: "clip" }, entry.text), entry.key ? el("kbd", { class: "push" }, entry.key) : "")
          : el("hr"),
      );
    floats().append(menu);
    const opens = button.hasAttribute("aria-haspopup"); // while it is open its button stays, to have the focus again
    if (opens) button.setAttribute("aria-expanded", "true");
    const at = button.getBoundingClientRect();
    const below = at.bottom + 4 + menu.offsetHeight <= innerHeight - 8;
    menu.style.top = `${below ? at.bottom + 4 : Math.max(8, at.top - 4 - menu.offsetHeight)}px`;
    menu.style.left = `${Math.max(8, Math.min(at.left, innerWidth - menu.offsetWidth - 8))}px`;
    addEventListener("pointerdown", away, true);
    addEventListener("keydown", away, true);
    addEventListener("resize", close); // it would stand where its button was
    const first = menu.querySelector("button:enabled");
    if (first) first.focus();
    menu.addEventListener("keydown", (event) => {
      const all = [...menu.querySelectorAll("button:enabled")], now = all.indexOf(document.activeElement);
      const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: -1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      all[(to + all.length) % all.length].focus();
    });
  };
  /** Pages add lines to the help sheet: FS.help.label = () => [nodes]. */
  FS.help = {};
  FS.showHelp = () => {
    const lines = FS.pages.filter((page) => FS.knows(`help.${page}`)).map((page) => el("div", {}, el("h2", {}, FS.t(`step.${page}`)), el("p", { class: "small" }, FS.t(`help.${page}`))));
    const extra = FS.help[FS.page] ? FS.help[FS.page]() : [];
    return FS.dialog(FS.t("help.title"), [...extra, ...lines], (close) => el("button", { class: "btn", type: "button", onclick: () => close() }, FS.t("dialog.close")));
  };

  // ---- header ---------------------------------------------------------------------------------------------
  const status = (step) => (step.key === FS.page ? "current" : step.state);
  function stepButton(step, i) {
    const state = status(step);
    const open = FS.p && FS.state.project ? true : step.key === "project";
    return el(
      "button",
      { type: "button", class: state, dataset: { id: step.key }, disabled: !open, title: open ? null : FS.t("step.locked"), "aria-current": state === "current" ? "step" : null, onclick: () => FS.go(step.key) },
      el("span", { class: "ball" }, state === "done" ? FS.icon("check") : String(i + 1)),
      step.title,
      step.fact ? el("span", { class: "fact" }, step.fact) : "",
    );
  }
  const stepEntries = (steps) => steps.map((step) => ({ text: step.title, current: step.key === FS.page, act: () => FS.go(step.key) }));
  FS.register("header", (root) => {
    let projects = [];
    let drawn = "";
    async function openMenu(button) {
      projects = (await FS.api("/x/app")).projects;
      FS.menu(button, [
        ...projects.slice(0, 12).map((each) => ({ text: each.name, current: each.key === FS.p, act: () => FS.open(each.key) })),
        projects.length ? null : undefined,
        { text: FS.t("header.all_projects"), icon: "folder", act: () => FS.go("project") },
      ].filter((each) => each !== undefined));
    }
    function draw() {
      const state = FS.state;
      if (!state) return;
      const steps = state.steps && state.steps.length ? state.steps : FS.pages.map((key) => ({ key, title: FS.t(`step.${key}`), fact: "", state: "todo" }));
      const at = Math.max(0, FS.pages.indexOf(FS.page));
      const dark = FS.dark();
      // Only what has changed is drawn again: while a run works the state is told twice a second, and a click
      // on a button that is replaced between press and release is lost.
      const key = JSON.stringify([steps, FS.page, dark, state.device, state.project && [state.project.key, state.project.name]]);
      if (key === drawn) return;
      drawn = key;
      const focused = root.contains(document.activeElement) ? document.activeElement.dataset.id : null;
      root.replaceChildren(
        el(
          "header",
          { class: "top" },
          el(
            "div",
            { class: "brand" },
            logo(),
            el("span", { class: "name" }, FS.t("app.name")),
            el("span", { class: "slash" }, "/"),
            el("button", { class: "btn quiet", type: "button", dataset: { id: "projects" }, "aria-haspopup": "menu", onclick: (event) => openMenu(event.currentTarget) }, el("span", { class: "clip" }, state.project ? state.project.name : FS.t("header.projects")), FS.icon("chevron-down")),
            el("button", { class: "where", type: "button", "aria-haspopup": "menu", onclick: (event) => FS.menu(event.currentTarget, stepEntries(steps)) }, el("b", {}, steps[at].title), el("span", {}, FS.t("step.of", { n: at + 1 })), FS.icon("chevron-down")),
          ),
          el("nav", { class: "steps", "aria-label": FS.t("step.steps") }, steps.map(stepButton)),
          el(
            "div",
            { class: "tools" },
            state.device ? el("span", { class: "device" }, FS.icon("cpu"), el("span", { class: "clip" }, FS.t("header.local", { device: state.device }))) : "",
            el("button", { class: "btn icon", type: "button", dataset: { id: "theme" }, title: FS.t(dark ? "header.theme_light" : "header.theme_dark"), "aria-label": FS.t(dark ? "header.theme_light" : "header.theme_dark"), onclick: () => FS.setDark(!FS.dark()) }, FS.icon(dark ? "sun" : "moon")),
            el("button", { class: "btn icon", type: "button", dataset: { id: "help" }, title: FS.t("header.help"), "aria-label": FS.t("header.help"), onclick: FS.showHelp }, FS.icon("help")),
          ),
          el("div", { class: "segments", "aria-hidden": "true" }, steps.map((step) => el("i", { class: status(step) }))),
        ),
      );
      if (focused) root.querySelector(`[data-id="${focused}"]`)?.focus();
      document.title = [state.project && state.project.name, FS.t("app.name")].filter(Boolean).join(" · ");
    }
    const drop = FS.onState(draw);
    const events = ["fs:page", "fs:theme"];
    for (const name of events) document.addEventListener(name, draw);
    return () => {
      drop();
      for (const name of events) document.removeEventListener(name, draw);
    };
  });
})();
