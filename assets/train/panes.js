// The Train page's panes: settings' lock and earlier runs at the left, rail and charts, now and log.
(function () {
  "use strict";

  const T = window.FactTrain, shared = T.shared;

  // ---- settings: locked while it runs ------------------------------------------------------------
  function settings(root) {
    let filled = null;
    return T.follow(() => {
      const state = FS.state;
      if (!state || !state.project) return;
      const run = T.shownRun(state), locked = T.isActive(run);
      const of = run ? `run ${run.id}` : `selection ${state.selection ? state.selection.id : ""}`;
      const button = document.querySelector("#train-fill button, button#train-fill");
      if (button && of !== filled) {
        filled = of;
        setTimeout(() => button.click(), 0);
      }
      const key = String(locked);
      if (root.dataset.key !== key) {
        root.dataset.key = key;
        const lock = locked ? [FS.el("span", { class: "tag push" }, FS.icon("lock"), FS.t("train.locked"))] : [];
        root.replaceChildren(FS.el("div", { class: "train-settings" }, FS.el("h2", {}, FS.t("train.settings")), ...lock));
      }
      const form = document.getElementById("train-form");
      if (form) { form.inert = locked; form.classList.toggle("train-locked", locked); }
    });
  }

  // ---- earlier runs ------------------------------------------------------------------------------
  function story(run) { // one line under the run's name
    const t = FS.t;
    if (T.isActive(run)) return t(`train.is_${run.status}`);
    if (run.status === "done") {
      const time = T.lasted(run);
      if (run.interval) return t("train.accuracy", { accuracy: T.share(run.accuracy), low: T.low(run.interval[0]), high: T.high(run.interval[1]) });
      return time === null ? t("train.is_done") : t("train.done_in", { time: FS.fmt.time(time) });
    }
    return t(`train.is_${run.status}`);
  }

  const recipe = (run) => (run.recipe ? FS.t(`recipe.${run.recipe}`) : "");

  function action(run) {
    if (run.status === "done") {
      const link = FS.el("button", { class: "link", type: "button" }, FS.t("train.open_results"));
      link.addEventListener("click", () => T.openResults(run.id));
      return link;
    }
    if (run.status === "queued") {
      return T.press(FS.el("button", { class: "btn slim", type: "button" }, FS.t("train.stop")), () => FS.api("/stop", { run: run.id }));
    }
    const why = window.FactTrainForm.obstacle(run.config.recipe, run.config.backbone);
    if (!why && ["stopped", "failed"].includes(run.status) && !T.trainRuns(FS.state).some(T.isActive)) {
      return T.press(FS.el("button", { class: "btn slim", type: "button" }, FS.t("train.resume")), () => T.resume(run.id));
    }
    return null;
  }

  function earlier(root) {
    return T.follow(() => {
      const state = FS.state;
      if (!state || !state.project) return;
      const runs = T.trainRuns(state), numbers = T.numbered(state), shown = T.shownRun(state);
      const others = runs.filter((run) => !T.isActive(run) || run.id !== shown.id); // one that waits behind can be stopped
      const key = JSON.stringify([others.map((run) => [run.id, run.status, run.accuracy]), shown && shown.id, T.isActive(shown), Boolean(others.length && others.some((run) => action(run)))]);
      if (root.dataset.key === key) return;
      root.dataset.key = key;
      const rows = others.map((run) => {
        const name = FS.el("button", { class: "train-name", type: "button", title: FS.t("train.show") },
          FS.t("train.run_of", { n: numbers.get(run.id), recipe: recipe(run) }));
        if (shown && run.id === shown.id) name.setAttribute("aria-current", "true");
        name.addEventListener("click", () => { shared.show = run.id; shared.data = null; FS.refresh(); });
        const side = action(run);
        return FS.el("li", {}, FS.el("div", { class: "train-run" }, name, FS.el("span", { class: "small" }, story(run))), ...(side ? [side] : []));
      });
      root.replaceChildren(FS.el("div", { class: "part" }, FS.el("h2", {}, FS.t("train.earlier")),
        rows.length ? FS.el("ul", { class: "train-runs" }, ...rows) : FS.el("p", { class: "small" }, FS.t("train.no_runs"))));
    });
  }

  // ---- the rail over the charts --------------------------------------------------------------------
  function ball(phase, place) {
    if (phase.state === "done") return FS.el("span", { class: "ball done" }, FS.icon("check"));
    return FS.el("span", { class: `ball ${phase.state}` }, String(place + 1));
  }

  function fact(phase) {
    if (phase.state === "done") {
      const whole = Math.max(1, Math.round(phase.seconds));
      return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
    }
    if (phase.state === "running" && phase.steps) return FS.t("train.step_of", { step: phase.step, steps: phase.steps });
    return "";
  }

  function rail(phases) {
    return phases.map((phase, place) => {
      const part = phase.state === "done" ? 1 : phase.steps ? phase.step / phase.steps : 0;
      const bar = FS.el("i", {}), cell = FS.el("li", { class: `rail-cell ${phase.state}` },
        FS.el("div", { class: "rail-line" }, ball(phase, place), FS.el("b", { class: "clip" }, phase.title), FS.el("span", { class: "rail-fact" }, fact(phase))),
        FS.el("div", { class: "meter" }, bar));
      bar.style.width = `${100 * Math.min(1, part)}%`;
      cell.title = phase.help;
      cell.style.left = `${100 * phase.edges[0]}%`;
      cell.style.width = `${100 * (phase.edges[1] - phase.edges[0])}%`;
      return cell;
    });
  }

  function before(state, run) { // what the run waits for, with its progress
    const first = run && run.status === "queued" ? T.prerequisite(state, run) : null;
    if (!first || !first.progress || !first.progress.total) return null;
    const { done, total, seconds_left: left } = first.progress, bar = FS.el("i", {});
    bar.style.width = `${(100 * done) / total}%`;
    const words = [FS.t(`run.${first.kind}`), FS.t("run.progress", { done: FS.fmt.int(done), total: FS.fmt.int(total), unit: first.progress.unit || "" })];
    if (left) words.push(FS.t("run.left", { time: FS.fmt.time(left) }));
    return FS.el("div", { class: "train-before" }, FS.el("p", { class: "small" }, words.join(", ")), FS.el("div", { class: "meter" }, bar));
  }

  function failure(run) {
    if (!run || run.status !== "failed") return null;
    return FS.el("div", { class: "note bad train-note", role: "alert" }, FS.el("b", {}, FS.t("train.failed")), ` ${run.reason || ""} `,
      shared.data && shared.data.saved ? FS.t("train.nothing_lost") : "");
  }

  function swatch(kind, text) { return FS.el("span", { class: "legend" }, FS.el("i", { class: kind }), text); }

  function headings(data) {
    const labels = data.labels ? FS.t("train.legend_train", { n: data.labels }) : FS.t("train.legend_train_plain");
    const legend = [swatch("train", labels)], kept = data.figure.data.some((trace) => trace.meta === "kept" && trace.x.length);
    if (data.checks) legend.push(swatch("check", FS.t("train.legend_check", { n: data.checks })));
    if (kept) legend.push(FS.el("span", { class: "legend", title: FS.t("train.kept_help") }, FS.el("span", { class: "mark diamond", "aria-hidden": "true" }), FS.t("train.kept")));
    const bar = data.checks ? [FS.el("span", { class: "legend" }, FS.t("train.bar", { n: data.checks }))] : [];
    return [FS.el("div", { class: "chart-head loss" }, FS.el("h2", {}, FS.t("train.loss")), ...legend),
      FS.el("div", { class: "chart-head accuracy" }, FS.el("h2", {}, FS.t("train.accuracy_row")), ...bar)];
  }

  function summary(figure) {
    const { phases, traces } = figure.layout.meta;
    const last = (name, series) => figure.data[traces[name][series] + 1].y.slice(-1)[0]; // its end, as the phase tells it
    const said = phases.filter((phase) => phase.state !== "todo").map((phase) => FS.t("train.chart_phase", {
      phase: phase.title, loss: T.number(last(phase.name, "loss")),
      accuracy: T.share(last(phase.name, "check_accuracy") ?? last(phase.name, "accuracy")),
    }));
    return FS.t("train.chart_label", { summary: said.join(" ") });
  }

  function chartPane(root) {
    const note = FS.el("div", { class: "train-notes" }), line = FS.el("ol", { class: "rail" });
    const heads = FS.el("div", { class: "chart-heads" });
    const host = FS.el("div", { class: "chart", id: "train-chart", role: "img" });
    const zoom = FS.el("button", { class: "btn slim chart-reset", type: "button", hidden: true }, FS.t("train.reset_zoom"));
    const empty = FS.el("p", { class: "empty" }, FS.t("train.empty"));
    const stage = FS.el("div", { class: "chart-stage" }, host, heads, zoom);
    // On a phone the phases keep their width and lie side by side; the words over them stay where they are.
    const scroll = FS.el("div", { class: "chart-scroll", tabindex: "0", role: "region", "aria-label": FS.t("train.charts") }, line, stage);
    root.replaceChildren(FS.el("div", { class: "train-charts" }, note, scroll, empty));
    const words = (phase, first) => {
      const run = FS.state && T.shownRun(FS.state);
      return FS.t(!T.isActive(run) ? "train.skipped" : first ? "train.next" : "train.later");
    };
    const named = (panel, short) => FS.t(`train.panel.${panel}${short ? ".short" : ""}`);
    const charts = window.FactCharts.create(host, { words, named, onZoom: (yes) => { zoom.hidden = !yes; } });
    zoom.addEventListener("click", () => charts.reset());
    T.charts.current = charts;
    const inSight = () => { // the phase that learns, where the phases are wider than the window
      const cell = line.querySelector(".running") || line.querySelector(".done:last-child"), most = scroll.scrollWidth - scroll.clientWidth;
      if (cell && most > 0) scroll.scrollLeft = Math.min(most, Math.max(0, cell.offsetLeft - 62));
    };
    let seen = null, run0 = 0, learns = "";
    const off = T.follow(() => {
      const state = FS.state, run = state && T.shownRun(state), data = run && shared.data && shared.data.run.id === run.id ? shared.data : null;
      const notes = [shared.error && FS.errorBox(shared.error), failure(run), state && before(state, run)].filter(Boolean);
      note.replaceChildren(...notes);
      empty.hidden = Boolean(run);
      scroll.hidden = !run;
      if (!data) return;
      if (data !== seen) { // a new figure: another run, or a phase began or ended
        if (run0 && run0 !== run.id) charts.reset();
        [seen, run0] = [data, run.id];
        charts.show(data.figure, data.plotly).catch(() => note.append(FS.el("p", { class: "note bad" }, FS.t("train.plotly_missing"))));
        heads.replaceChildren(...headings(data));
      }
      line.replaceChildren(...rail(data.figure.layout.meta.phases));
      line.classList.toggle("four", data.figure.layout.meta.phases.length > 3);
      const now = `${run.id} ${data.figure.layout.meta.phases.map((phase) => phase.state)}`;
      if (now !== learns) { learns = now; inSight(); }
      host.setAttribute("aria-label", summary(data.figure));
    });
    return () => { off(); charts.destroy(); T.charts.current = null; };
  }

  // ---- now and log ---------------------------------------------------------------------------------
  function facts(state, run, data) {
    const t = FS.t, rows = [], add = (key, value) => { if (value !== null && value !== undefined && value !== "") rows.push([t(key), value]); };
    const point = data && data.point, active = T.isActive(run);
    if (active) {
      const part = T.part(data), left = part ? part.seconds_left : point && point.seconds_left;
      if (part) add("train.part", part.total > 1 ? t("train.part_of", { part: part.words, done: FS.fmt.int(part.done), total: FS.fmt.int(part.total) }) : part.words);
      if (run.status === "running") add("train.time_left", Number.isFinite(left) ? FS.fmt.about(left) : t("train.unknown"));
      if (run.started) add("train.running_for", FS.fmt.time(Math.max(0, Date.now() / 1000 - run.started)));
      if (point && point.images_per_s) add("train.images_per_s", point.images_per_s.toFixed(1));
    } else {
      add("train.status", t(`run.${run.status}`));
      const time = T.lasted(run);
      if (time !== null) add("train.took", FS.fmt.time(time));
    }
    if (data && data.memory_mb) add("train.memory", FS.fmt.bytes(data.memory_mb * 1e6));
    if (data && data.saved) add("train.last_saved", t(data.saved.step ? "train.saved_at" : "train.saved_in", { phase: T.lower(T.phaseTitle(data.saved.phase)), step: data.saved.step }));
    return rows.map(([name, value], place) => [FS.el("dt", {}, name), FS.el("dd", { class: place || !active ? "" : "strong" }, value)]).flat();
  }

  function sentence(event) { // one event of the log in words: [text, level]
    const t = FS.t, body = event.body;
    if (event.kind === "log") return [body.text, body.level];
    if (event.kind === "phase_started") {
      return [t("train.log_started", { phase: T.phaseTitle(body.phase), steps: body.steps, parameters: FS.fmt.int(body.trainable_parameters) }), "info"];
    }
    if (event.kind === "phase_done") {
      const check = body.check_n > 0, accuracy = T.share(check ? body.check_accuracy : body.train_accuracy);
      const vars = { phase: T.phaseTitle(body.phase), time: FS.fmt.time(body.seconds), loss: T.number(body.train_loss), accuracy };
      return [t(check ? "train.log_done_check" : "train.log_done", vars), "info"];
    }
    if (event.kind === "decision") return [t("train.log_decision", { name: FS.decision(body.name, body.value).title, value: FS.decision(body.name, body.value).value, reason: body.reason }), "info", `${body.name}: ${body.value}`];
    return null; // "saved" is told under Now
  }

  function logLines(data, run) {
    const lines = data.log.map((event) => [event.at, ...(sentence(event) || [])]).filter((line) => line.length > 1);
    if (run.status === "failed") lines.push([run.ended, FS.t("train.log_failed", { reason: run.reason || "" }), "error"]);
    return lines;
  }
  const clock = (at) => new Date(at * 1000).toTimeString().slice(0, 8);

  function nowPane(root) {
    const list = FS.el("dl", { class: "facts" }), lines = FS.el("ol", { class: "log" });
    const copy = FS.el("button", { class: "btn quiet slim push", type: "button" }, FS.t("train.copy"));
    const title = FS.el("h2", {}, FS.t("train.now")), none = FS.el("p", { class: "small" }, FS.t("train.no_log"));
    root.replaceChildren(FS.el("div", { class: "part train-now" }, title, list),
      FS.el("div", { class: "part train-log" }, FS.el("div", { class: "log-head" }, FS.el("h2", {}, FS.t("train.log")), copy), none, lines));
    copy.addEventListener("click", async () => {
      const text = [...lines.children].map((each) => each.textContent).join("\n");
      try { await navigator.clipboard.writeText(text); copy.textContent = FS.t("train.copied"); } catch { return; }
      setTimeout(() => { copy.textContent = FS.t("train.copy"); }, 1500);
    });
    const draw = () => {
      const state = FS.state, run = state && T.shownRun(state);
      root.hidden = !run;
      if (!run) return;
      const data = shared.data && shared.data.run.id === run.id ? shared.data : null;
      title.textContent = T.isActive(run) ? FS.t("train.now") : FS.t("train.last_run", { n: T.numbered(state).get(run.id) });
      list.replaceChildren(...facts(state, run, data));
      const told = data ? logLines(data, run) : [];
      none.hidden = told.length > 0;
      copy.hidden = !told.length;
      const key = `${run.id}:${told.length}:${run.status}`;
      if (lines.dataset.key === key) return;
      lines.dataset.key = key;
      const atEnd = root.scrollHeight - root.scrollTop - root.clientHeight < 40;
      lines.replaceChildren(...told.map(([at, text, level, raw]) => FS.el("li", { class: level, title: raw }, FS.el("time", {}, at ? clock(at) : ""), " ", FS.el("span", {}, text))));
      if (atEnd) root.scrollTop = root.scrollHeight;
    };
    const tick = setInterval(draw, 1000), off = T.follow(draw);
    return () => { clearInterval(tick); off(); };
  }

  FS.register("train-settings", settings);
  FS.register("train-runs", earlier);
  FS.register("train-charts", chartPane);
  FS.register("train-now", nowPane);
})();
