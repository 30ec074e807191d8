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

  // ---- the server ---------------------------------------------------------------------------------
  class Refused extends Error {
    constructor(body, status) {
      super(body.what || FS.t("error.unknown"));
      this.what = this.message;
      this.found = body.found || "";
      this.do = body.do || "";
      this.status = status; // 0: no answer at all
    }
  }
  FS.Refused = Refused;
  /** GET without a body, POST with one. A path that starts with /x/ is taken as it is. Rejects with a Refused. */
  FS.api = async (path, body, options = {}) => {
    const url = path.startsWith("/x/") ? path : `/x/${FS.p}${path}`;
    const post = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    let answer;
    try {
      answer = await fetch(url, { ...(body === undefined ? {} : post), ...options });
    } catch (problem) {
      if (problem.name === "AbortError") throw problem;
      offline(true);
      throw new Refused({ what: FS.t("error.network") }, 0);
    }
    const json = (answer.headers.get("content-type") || "").includes("json");
    const data = json ? await answer.json() : await (options.raw ? answer.arrayBuffer() : answer.text());
    if (!answer.ok) throw new Refused(json && data.what ? data : {}, answer.status);
    return data;
  };
  addEventListener("unhandledrejection", (event) => {
    if (event.reason instanceof Refused) {
      event.preventDefault();
      FS.toast(event.reason);
    }
  });
  /** Queue a run: FS.start("select", {budget: "50"}) -> its id. */
  FS.start = async (kind, config = {}) => {
    const { run } = await FS.api("/run", { kind, config });
    await FS.refresh();
    return run;
  };
  FS.stop = (run) => FS.api("/stop", { run }).then(FS.refresh);
  FS.resume = (run) => FS.api("/resume", { run }).then(FS.refresh);

  // ---- state, polled --------------------------------------------------------------------------------
  const listeners = new Set();
  let timer = 0;
  let pause = 3000;
  let polling = null;
  FS.onState = (listener) => {
    listeners.add(listener);
    if (FS.state) listener(FS.state);
    return () => listeners.delete(listener);
  };
  function tell() {
    document.body.dataset.run = FS.state.run ? FS.state.run.status : "idle";
    for (const listener of [...listeners]) {
      try {
        listener(FS.state);
      } catch (problem) {
        console.error(problem);
      }
    }
  }
  async function poll() {
    clearTimeout(timer);
    try {
      const known = FS.state ? `?known=${FS.state.version}` : "";
      const fresh = FS.p ? await FS.api(`/state${known}`) : await FS.api("/x/app");
      offline(false);
      pause = FS.state && FS.state.run ? 500 : 3000;
      if (!fresh.unchanged) {
        FS.state = fresh;
        pause = FS.state.run ? 500 : 3000;
        tell();
      }
    } catch (problem) {
      if (problem.status === 403) FS.shut();
      else if (problem.status) lost(problem);
      pause = Math.min(pause * 1.6, 10000);
    }
    // A hidden page asks seldom: it is told everything when it comes back.
    timer = setTimeout(() => FS.refresh(), document.hidden ? Math.max(pause, 10000) : pause);
  }
  function lost(problem) {
    if (FS.state && FS.state.problem && FS.state.problem.what === problem.what) return;
    FS.state = { ...FS.empty(), problem };
    tell();
  }
  FS.empty = () => ({ version: "", project: null, run: null, runs: [], classes: [], counts: null, selection: null, labels: null, steps: [] });
  FS.refresh = () => (polling = polling || poll().finally(() => (polling = null)));
  document.addEventListener("visibilitychange", () => document.hidden || FS.refresh());
  addEventListener("online", () => FS.refresh());
  function offline(yes) {
    if (document.body.classList.contains("fs-offline") === yes) return;
    document.body.classList.toggle("fs-offline", yes);
    document.dispatchEvent(new CustomEvent("fs:offline", { detail: yes }));
  }

  // ---- the backbone that the person chose on the Project page, kept for each project ----
  FS.backbone = (otherwise = "tf_efficientnet_lite0") => {
    let kept = null;
    try {
      kept = localStorage.getItem(`fs-backbone-${FS.p}`);
    } catch {}
    return kept || (FS.state && FS.state.selection && FS.state.selection.backbone) || otherwise || "tf_efficientnet_lite0";
  };
  FS.setBackbone = (name) => {
    try {
      localStorage.setItem(`fs-backbone-${FS.p}`, name);
    } catch {}
    document.dispatchEvent(new CustomEvent("fs:backbone", { detail: name }));
  };

  // ---- pages --------------------------------------------------------------------------------------------
  FS.open = (key, page = "project") => {
    location.href = `/?p=${encodeURIComponent(key)}#${page}`;
    if (key === FS.p) location.reload();
  };
  FS.go = (page) => {
    if (!FS.pages.includes(page) || (!FS.p && page !== "project")) return;
    const button = document.querySelector(`#page-${page}-button`);
    if (button) button.click();
    FS.page = page;
    document.body.dataset.page = page;
    if (location.hash.slice(1) !== page) history.pushState(null, "", `${location.pathname}${location.search}#${page}`);
    document.dispatchEvent(new CustomEvent("fs:page", { detail: page }));
  };
  const followHash = () => FS.go(FS.pages.includes(location.hash.slice(1)) ? location.hash.slice(1) : "project");
  addEventListener("hashchange", followHash);
  addEventListener("popstate", followHash);

  // ---- colours --------------------------------------------------------------------------------------------
  FS.dark = () => document.body.classList.contains("dark");
  FS.setDark = (dark) => {
    document.body.classList.toggle("dark", dark);
    try {
      localStorage.setItem("fs-dark", dark ? "1" : "0");
    } catch {} // a browser that keeps nothing still changes its colours now
    document.dispatchEvent(new CustomEvent("fs:theme", { detail: dark }));
  };
  function firstColours() {
    let kept = null;
    try {
      kept = localStorage.getItem("fs-dark");
    } catch {}
    const asked = address.get("__theme");
    if (kept !== null && !asked) document.body.classList.toggle("dark", kept === "1");
    new MutationObserver(() => document.dispatchEvent(new CustomEvent("fs:theme", { detail: FS.dark() }))).observe(document.body, {
      attributes: true,
      attributeFilter: ["class"],
    });
  }

  // ---- start -------------------------------------------------------------------------------------------------
  const early = window.FSQ || [];
  window.FSQ = { push: ([name, host]) => FS.attach(name, host) };
  for (const [name, host] of early) FS.attach(name, host);
  async function begin() {
    firstColours();
    words = await FS.api("/x/text.json");
    startAll();
    await FS.refresh();
    // Gradio draws its tabs a moment later than its pieces.
    for (let i = 0; i < 100 && !document.querySelector("#page-project-button"); i += 1) await new Promise((done) => setTimeout(done, 50));
    followHash();
  }
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
