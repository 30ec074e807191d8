/* FS, second half: talking to the server, the polled state, pages, colours, and the start of it all. */
(() => {
  "use strict";
  const FS = window.FS;
  const address = new URLSearchParams(location.search);

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
  const calm = () => (FS.state && FS.state.run ? 500 : FS.page === "label" ? 1000 : 3000); // ms; others label too
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
      if (!fresh.unchanged) {
        FS.state = fresh;
        tell();
      }
      pause = calm();
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
    if (!yes) for (const image of missed) if (image.getAttribute("src")) image.src = image.src; // asks again
    if (!yes) missed.clear();
  }
  // Pictures that did not come while the program was away: nothing else asks for them again.
  const missed = new Set();
  const missing = ({ target }) => { if (target instanceof HTMLImageElement && missed.size < 1000) missed.add(target); };
  document.addEventListener("error", missing, true);

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

  // ---- who labels here: the name goes into the history with each label; without one the computer's user does
  FS.person = () => { try { return localStorage.getItem("fs-person") || ""; } catch { return ""; } };
  FS.setPerson = (name) => { try { localStorage.setItem("fs-person", name); } catch {} };

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

  // ---- start ----------------------------------------------------------------------------------
  async function begin() {
    firstColours();
    FS.setWords(await FS.api("/x/text.json"));
    await FS.refresh();
    // Gradio draws its tabs a moment later than its pieces.
    for (let i = 0; i < 100 && !document.querySelector("#page-project-button"); i += 1) await new Promise((done) => setTimeout(done, 50));
    followHash();
  }
  // After all modules have said their names.
  if (document.readyState === "complete") begin();
  else addEventListener("DOMContentLoaded", begin);
})();
