// The Train page: head with the one button, phase rail over the charts, now, log, earlier runs.
// Everything shown is rebuilt from the stored events, so a reload or a second tab shows the same.
(function () {
  "use strict";

  const ACTIVE = ["queued", "running"];
  const shared = { show: 0, data: null, labels: "", pause: 0, error: null, busy: false, listeners: new Set(), timer: 0 };

  const isActive = (run) => Boolean(run) && ACTIVE.includes(run.status);
  const trainRuns = (state) => ((state && state.runs) || []).filter((run) => run.kind === "train");
  function numbered(state) { // run id -> its number among the training runs
    const ids = trainRuns(state).map((run) => run.id).sort((a, b) => a - b);
    return new Map(ids.map((id, place) => [id, place + 1]));
  }
  function tell() { for (const listener of [...shared.listeners]) listener(); }
  function listen(fn) { shared.listeners.add(fn); return () => shared.listeners.delete(fn); }

  function shownRun(state) {
    const runs = trainRuns(state).map((run) => (state.run && state.run.id === run.id ? state.run : run));
    // One works at a time; of those that wait the oldest is next.
    const active = runs.find((run) => run.status === "running") || runs.filter(isActive).pop();
    return active || runs.find((run) => run.id === shared.show) || runs[0] || null;
  }

  // ---- following a run -------------------------------------------------------------------------
  async function load(run) {
    const id = run.id;
    try {
      const data = await FS.api(`/chart?run=${id}`);
      if (data.run.id !== id) return;
      shared.data = data;
      shared.error = null;
    } catch (error) {
      shared.error = error;
      shared.pause = Date.now() + 3000;
    }
    tell();
  }

  async function poll() {
    clearTimeout(shared.timer);
    shared.timer = setTimeout(poll, 500);
    const run = shownRun(FS.state);
    if (!run || shared.busy || document.hidden || Date.now() < shared.pause) return;
    shared.busy = true;
    try {
      const labels = JSON.stringify(FS.state.labels);
      const old = !shared.data || shared.data.run.id !== run.id || shared.data.run.status !== run.status;
      if (old || (!isActive(run) && labels !== shared.labels)) { shared.labels = labels; await load(run); }
      else if (isActive(run)) await news(run);
    } finally { shared.busy = false; }
  }

  async function news(run) {
    let answer;
    try { answer = await FS.api(`/events?run=${run.id}&since=${shared.data.cursor}`); } catch { return; }
    if (!answer.events.length || shared.data.run.id !== run.id) return;
    const data = shared.data, kinds = new Set(answer.events.map((event) => event.kind));
    if (kinds.has("phase_started") || kinds.has("phase_done")) return load(run);
    data.cursor = answer.cursor;
    if (charts.current && answer.events.some((event) => event.kind === "point" && !charts.current.knows(event.body))) return load(run);
    const points = [];
    for (const event of answer.events) {
      if (event.kind === "point") { points.push(event.body); data.point = event.body; data.progress = null; }
      else if (event.kind === "progress") data.progress = event.body;
      else data.log.push(event);
      if (event.kind === "saved") data.saved = event.body;
    }
    if (charts.current) charts.current.add(points);
    tell();
  }
  const charts = { current: null };

  // ---- small helpers -----------------------------------------------------------------------------
  const phaseTitle = (name) => {
    const phase = shared.data && shared.data.figure.layout.meta.phases.find((each) => each.name === name);
    return phase ? phase.title : FS.knows(`phase.${name}`) ? FS.t(`phase.${name}`) : name;
  };
  const low = (value) => Math.floor(100 * value), high = (value) => Math.ceil(100 * value);
  const share = (value) => (value === null || value === undefined ? "–" : `${(100 * value).toFixed(1)} %`);
  const number = (value) => (value === null || value === undefined ? "–" : value.toFixed(2));
  // Within a sentence; "LoRA finetune" and "L-BFGS" stay as they are.
  const lower = (text) => (/^[A-Z][a-z-]*( |$)/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text);
  function lasted(run) { return run.started && run.ended ? run.ended - run.started : null; }
  const prerequisite = (state, run) => (state.run && state.run.id !== run.id ? state.run : null);

  // What is under way between the points of the curves, in words; null while the curves themselves move.
  function part(data) {
    const progress = data && data.progress, key = progress && `train.part.${progress.step}`;
    return progress && FS.knows(key) ? { ...progress, words: FS.t(key) } : null;
  }

  // ---- what the head says and does ------------------------------------------------------------------
  function headline(state, run, n) {
    const t = FS.t, point = shared.data && shared.data.run.id === run.id && shared.data.point;
    if (run.status === "queued") {
      const first = prerequisite(state, run);
      return first ? t("train.head_before", { n, what: t(`train.before.${first.kind}`, { n: numbered(state).get(first.id) }) }) : t("train.head_queued", { n });
    }
    if (run.status === "running") {
      const doing = part(shared.data && shared.data.run.id === run.id ? shared.data : null);
      if (doing) return t("train.head_part", { n, part: doing.words });
      if (!point) return t("train.head_starting", { n });
      return t("train.head_running", { n, phase: lower(phaseTitle(point.phase)), step: point.step, steps: point.steps });
    }
    if (run.status === "done") return t("train.head_done", { n, time: FS.fmt.time(lasted(run)) });
    if (run.status === "failed") return t("train.head_failed", { n });
    return t(run.started ? "train.head_stopped" : "train.head_stopped_early", { n });
  }

  function ready(state) { // {ok, text, page}: may a run start, the sentence beside the button, and the page that helps
    const labels = labeled(state), { form, obstacle } = window.FactTrainForm;
    return labels.ok ? { ok: true, ...labels, ...hinder(obstacle(form.recipe, form.backbone)) } : { ...labels, page: "label" };
  }
  const hinder = (why) => (why ? { ...why, ok: false } : {});

  function labeled(state) { // the same of the labels alone
    const labels = state.labels || {}, counts = (state.classes || []).filter((each) => each.count > 0);
    const total = labels.picks_done || labels.total || 0;
    if (!total || !counts.length) return { ok: false, text: FS.t("train.no_labels") };
    if (counts.length < 2) return { ok: false, text: FS.t(total === 1 ? "train.one_label" : "train.few_classes", { labels: total }) };
    const facts = { labels: total, classes: counts.length, checks: labels.checks_done || 0 };
    return { ok: true, text: FS.t(facts.checks ? "train.ready_check" : "train.ready", facts) };
  }

  function press(button, fn) {
    button.addEventListener("click", async () => {
      button.disabled = true;
      try { await fn(); } catch (error) { FS.toast(error); } finally { button.disabled = false; FS.refresh(); }
    });
    return button;
  }

  const start = () => document.querySelector("#train-go button, button#train-go").click();
  const resume = (id) => FS.api("/resume", { run: id }).then(() => { shared.show = id; shared.data = null; });

  // The stock form hands its values over in the browser; the run is queued by our own route.
  async function submit(names, values) {
    const config = Object.fromEntries(names.map((name, place) => [name, values[place]]));
    try {
      const answer = await FS.api("/run", { kind: "train", config });
      shared.show = answer.run;
      shared.data = null;
    } catch (error) { FS.toast(error); }
    FS.refresh();
    tell();
  }

  // What the form shows: the settings of the shown run; before the first, the backbone that chose the images.
  // ``known.own``: effort -> backbone -> the values that depend on it; ``known.plain``: what an option is by itself.
  function fill(names, values, known) {
    const run = shownRun(FS.state), chosen = FS.state.selection && FS.state.selection.backbone;
    const now = Object.fromEntries(names.map((name, place) => [name, values[place]]));
    const own = chosen && chosen !== now.backbone ? { backbone: chosen, ...(known.own[now.preset] || {})[chosen] } : {};
    const filled = names.map((name, place) => {
      if (!run) return own[name] ?? values[place];
      const value = name.split(".").reduce((config, part) => (config ? config[part] : undefined), run.config);
      return value === undefined ? known.plain[name] ?? values[place] : value;
    });
    window.FactTrainForm.choose(filled[names.indexOf("recipe")], filled[names.indexOf("backbone")], known);
    return filled;
  }

  function stopButton(run, point) {
    // Where images are learned from, the stop itself saves the last step; elsewhere the last save counts.
    const saves = point && !["lp", "lm"].includes(point.phase);
    const kept = saves ? point : shared.data && shared.data.saved;
    const label = run.stopping ? FS.t("train.stopping")
      : kept && kept.step && point && kept.phase === point.phase ? FS.t("train.stop_keep", { step: kept.step }) : FS.t("train.stop");
    const button = FS.el("button", { class: "btn", type: "button", id: "train-stop" }, FS.icon("stop"), label);
    button.disabled = Boolean(run.stopping);
    return press(button, () => FS.api("/stop", { run: run.id }));
  }

  function head(root) {
    const draw = () => {
      const state = FS.state;
      if (!state || !state.project) return;
      const run = shownRun(state), may = ready(state), n = run && numbered(state).get(run.id);
      const el = FS.el, buttons = [];
      const stale = Boolean(run && run.status === "done" && shared.data && shared.data.run.id === run.id && shared.data.stale);
      if (isActive(run)) buttons.push(stopButton(run, shared.data && shared.data.point));
      else {
        const can = run && ["stopped", "failed"].includes(run.status);
        const begin = el("button", { class: can || (run && !stale) ? "btn" : "btn primary", type: "button", id: "train-start" },
          FS.t(run ? "train.again" : "train.start"));
        begin.disabled = !may.ok;
        buttons.push(press(begin, async () => start()));
        if (can) {
          const again = press(el("button", { class: "btn primary", type: "button", id: "train-resume" }, FS.t("train.resume")), () => resume(run.id));
          const why = window.FactTrainForm.obstacle(run.config.recipe, run.config.backbone);
          again.disabled = Boolean(why);
          again.title = why ? why.text : "";
          buttons.push(again);
        }
        if (run && run.status === "done") {
          const see = el("button", { class: stale ? "btn" : "btn primary", type: "button", id: "train-results" }, FS.t("train.see_results"));
          see.addEventListener("click", () => openResults(run.id));
          buttons.push(see);
        }
      }
      const text = isActive(run) || (run && may.ok && !stale) ? headline(state, run, n) : stale && may.ok ? FS.t("train.stale") : may.text;
      const link = may.page && !may.ok && !isActive(run) ? el("button", { class: "link", type: "button" }, FS.t(`train.to_${may.page}`)) : null;
      // The sentence changes with every step; the buttons stay, or a click under way would be lost.
      const key = JSON.stringify([link && may.page, run && run.id, buttons.map((each) => [each.id, each.textContent, each.disabled, each.className])]);
      if (root.dataset.key !== key) {
        root.dataset.key = key;
        if (link) link.addEventListener("click", () => FS.go(may.page));
        root.replaceChildren(el("div", { class: "page-head train-head" }, el("h1", {}, FS.t("train.title")), el("p", { class: "fact", role: "status" }),
          ...(link ? [link] : []), el("span", { class: "push train-buttons" }, ...buttons)));
      }
      const fact = root.querySelector(".fact");
      if (fact.textContent !== text) fact.textContent = text;
    };
    return follow(draw);
  }

  function openResults(id) {
    document.dispatchEvent(new CustomEvent("fs:results", { detail: { run: id } }));
    window.FSResultsRun = id;
    FS.go("results");
  }

  // Draws now, and again whenever the state or the run's events have news.
  function follow(draw) {
    const off = [FS.onState(draw), listen(draw)];
    draw();
    if (!shared.timer) poll();
    return () => off.forEach((each) => each());
  }

  window.FactTrainForm.listen(tell);
  window.FactTrain = {
    choose: window.FactTrainForm.choose, shared, submit, fill, follow, press, resume, openResults, isActive, trainRuns, numbered, shownRun, prerequisite,
    charts, part, phaseTitle, lasted, low, high, share, number, lower,
  };
  window.FS.register("train-head", head);
})();
