/* FS: what every own piece of the page uses. No dependency; text reaches the page only as text nodes.

   FS.register(name, (root, FS) => cleanup)   a module says what it does with its piece
   FSQ.push([name, element])                  gr.HTML says that a piece was put on the page
   FS.api(path, body) FS.state FS.onState     the server: routes under /x/KEY, state polled
   FS.el FS.icon FS.t FS.fmt FS.color         drawing */
(() => {
  "use strict";
  const FS = (window.FS = {});
  const address = new URLSearchParams(location.search);
  FS.p = address.get("p") || "";
  FS.pages = ["project", "select", "label", "train", "results"];
  FS.page = "project";
  FS.state = null;

  // ---- pieces -------------------------------------------------------------------------------
  const modules = new Map();
  const pieces = new Map(); // name -> {host, cleanup}

  function start(name, host) {
    const make = modules.get(name);
    const root = host.matches("[data-fs]") ? host : host.querySelector(`[data-fs="${name}"]`);
    if (!make || !root || !words) return;
    if (root.fsStarted) return;
    const old = pieces.get(name);
    if (old && old.cleanup) old.cleanup();
    root.fsStarted = true;
    root.replaceChildren();
    const piece = { host, cleanup: null };
    pieces.set(name, piece);
    piece.cleanup = make(root, FS) || null;
  }
  const waiting = [];
  FS.attach = (name, host) => {
    waiting.push([name, host]);
    start(name, host);
  };
  FS.register = (name, make) => {
    modules.set(name, make);
    startAll();
  };
  function startAll() {
    for (const [name, host] of waiting) if (host.isConnected) start(name, host);
  }

  // ---- drawing --------------------------------------------------------------------------------
  FS.el = (tag, attrs = {}, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attrs || {})) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (name === "class") node.className = value;
      else if (name === "style") for (const [key, each] of Object.entries(value)) node.style.setProperty(key, each);
      else if (name === "dataset") Object.assign(node.dataset, value);
      else if (name === "value" || name === "checked") node[name] = value;
      else node.setAttribute(name, value === true ? "" : String(value));
    }
    node.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false));
    return node;
  };
  FS.color = (i) => `var(--c${(i % 12) + 1})`;
  FS.shape = (i) => (i < 12 ? "disc" : i < 24 ? "square" : "diamond");
  FS.mark = (i) => FS.el("span", { class: `mark ${FS.shape(i)}`, style: { "--mark": FS.color(i) }, "aria-hidden": "true" });
  FS.classColor = (each) => FS.color(each.colour); // of a class as the server tells it
  FS.classShape = (each) => FS.shape(each.colour);
  FS.classMark = (each) => FS.mark(each.colour);
  FS.css = (name) => getComputedStyle(document.body).getPropertyValue(name).trim(); // for canvases: FS.css("--ink")
  FS.thumb = (id) => `/x/${FS.p}/thumb/${id}`;
  FS.image = (id, max) => `/x/${FS.p}/image/${id}${max ? `?max=${max}` : ""}`;

  // ---- words ------------------------------------------------------------------------------------
  let words = null;
  FS.t = (key, vars = {}) => {
    const sentence = words && key in words ? words[key] : key;
    return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in vars ? String(vars[name]) : whole));
  };
  FS.knows = (key) => Boolean(words && key in words);
  /** A decision of the program in words, as decision_words in app/text/decisions.py: {title, value}. */
  FS.decision = (name, value) => {
    const key = [`decision.${name}.${value}`, `decision.${name}.*`].find(FS.knows);
    const percent = Number.isFinite(Number(value)) ? (100 * value).toFixed(0) : value;
    return { title: FS.knows(`decision.${name}`) ? FS.t(`decision.${name}`) : name, value: key ? FS.t(key, { value, percent }) : value };
  };
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  FS.fmt = {
    int: (n) => (Number.isFinite(n) ? whole.format(n) : "–"),
    pct: (x, digits = 1) => (Number.isFinite(x) ? `${(100 * x).toFixed(digits)} %` : "–"),
    bytes: (n) => {
      if (!Number.isFinite(n)) return "–";
      const units = ["B", "kB", "MB", "GB", "TB"];
      let i = 0;
      while (n >= 1000 && i < units.length - 1) (n /= 1000), (i += 1);
      return `${n >= 10 || i === 0 ? Math.round(n) : n.toFixed(1)} ${units[i]}`;
    },
    time: (s) => {
      if (!Number.isFinite(s)) return "–";
      if (s < 0.95) return FS.t("time.moment");
      const n = Math.round(s);
      if (n < 60) return FS.t("time.seconds", { n });
      if (n < 600) return n % 60 ? FS.t("time.minutes_seconds", { m: Math.floor(n / 60), s: n % 60 }) : FS.t("time.minutes", { n: n / 60 });
      const minutes = Math.round(n / 60);
      return minutes < 60 ? FS.t("time.minutes", { n: minutes }) : FS.t("time.hours", { h: Math.floor(minutes / 60), m: minutes % 60 });
    },
    about: (s) => FS.t("time.about", { time: s < 45 ? FS.fmt.time(Math.max(1, Math.ceil(s / 5) * 5)) : FS.fmt.time(Math.max(60, 60 * Math.round(s / 60))) }),
    clock: (at) => new Date(at * 1000).toLocaleTimeString("en-GB"),
    when: (at) => {
      const then = new Date(at * 1000);
      const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at * 1000).setHours(0, 0, 0, 0)) / 86400000);
      if (Date.now() / 1000 - at < 300) return FS.t("time.now");
      if (days <= 0) return FS.t("time.today");
      if (days === 1) return FS.t("time.yesterday");
      const year = then.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" };
      return then.toLocaleDateString("en-GB", { day: "numeric", month: "short", ...year });
    },
  };

  // ---- start ----------------------------------------------------------------------------------
  FS.setWords = (told) => {
    words = told;
    startAll();
  };
  const early = window.FSQ || [];
  window.FSQ = { push: ([name, host]) => FS.attach(name, host) };
  for (const [name, host] of early) FS.attach(name, host);
})();
