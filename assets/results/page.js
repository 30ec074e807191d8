// The Results page: which run, how good it is and what that rests on, the export.
(function () {
  "use strict";

  const FS = window.FS, el = FS.el, t = FS.t;
  const SOME_CHECKS = 20; // what is suggested where there are none yet
  const store = { run: 0, data: null, error: null, key: "", busy: false, listeners: new Set(), wanted: new Set(["model"]), into: null };
  const tell = () => { for (const listener of [...store.listeners]) listener(); };

  const low = (value) => Math.floor(100 * value + 1e-9), high = (value) => Math.ceil(100 * value - 1e-9);
  const between = (interval) => t("results.between", { low: low(interval[0]), high: high(interval[1]) });
  const classOf = (name) => { // one that is gone gets a place behind those that are there
    const listed = FS.state.classes || [], place = () => store.data.classes.findIndex((each) => each.name === name);
    return listed.find((each) => each.name === name) || { name, colour: (listed.length + place()) % 36 };
  };
  const open = (run) => run && ["queued", "running"].includes(run.status);
  const busyWith = (kind) => (FS.state.runs || []).find((run) => run.kind === kind && open(run));

  // ---- reading ------------------------------------------------------------------------------------
  function newsKey(state) { // what has to change before the result can be another one
    const done = (state.runs || []).filter((run) => ["train", "predict", "export"].includes(run.kind)).map((run) => [run.id, run.status]);
    const classes = (state.classes || []).map((each) => [each.name, each.count, each.colour]);
    return JSON.stringify([store.run, done, state.labels, classes]);
  }

  async function read() {
    const state = FS.state;
    if (!state || !state.project || store.busy || FS.page !== "results") return;
    const key = newsKey(state);
    if (key === store.key) return;
    store.busy = true;
    store.key = key;
    try {
      if (!(state.runs || []).some((run) => run.kind === "train")) store.data = null;
      else store.data = await FS.api(`/results?run=${store.run}`);
      store.error = null;
    } catch (error) { store.error = error; }
    store.busy = false;
    tell();
    read();
  }

  function choose(run) { store.run = run; store.into = null; read(); }

  // ---- head ------------------------------------------------------------------------------------------
  function runName(run) {
    if (run.status !== "done") return t("results.run_undone", { n: run.number, recipe: run.recipe, status: t(`run.${run.status}`) });
    return run.labels ? t("results.run", { n: run.number, recipe: run.recipe, labels: run.labels }) : t("results.run_plain", { n: run.number, recipe: run.recipe });
  }

  function head() {
    const data = store.data, exporting = busyWith("export"), count = store.wanted.size;
    const pick = el("select", { class: "field results-run", "aria-label": t("results.choose_run"), onchange: (event) => choose(Number(event.target.value)) },
      data ? data.runs.map((run) => el("option", { value: String(run.id) }, runName(run))) : []);
    if (data) pick.value = String(data.run.id);
    const label = exporting ? t("results.exporting") : !count ? t("results.export_none") : count === 1 ? t("results.export_one") : t("results.export_primary", { n: count });
    const button = el("button", { class: "btn primary push", type: "button", id: "results-export", onclick: submit }, label);
    button.disabled = !data || data.run.status !== "done" || Boolean(exporting) || !count;
    return el("div", { class: "page-head results-head" }, el("h1", {}, t("results.title")), data ? pick : null,
      data && data.stale ? el("span", { class: "tag warn" }, t("results.stale")) : null, data ? button : null);
  }

  async function submit(event) {
    const button = event.currentTarget;
    button.disabled = true;
    const folder = (store.into ?? store.data.export_into).trim();
    try {
      await FS.start("export", { run: store.data.run.id, folder, items: [...store.wanted] });
      store.into = null;
    } catch (error) { FS.toast(error); }
    button.disabled = false;
    store.key = "";
    tell();
    read();
  }

  // ---- left: the accuracy and what it rests on --------------------------------------------------------
  function figure(data) {
    const measured = data.measured;
    if (!measured) return notMeasured(data);
    const kind = measured.kind, more = measured.kind === "check";
    const rests = { check: "results.rests_check", run: "results.rests_check_short", demo: "results.rests_demo", folders: "results.rests_folders", cv: "results.rests_cv" }[kind];
    return el("section", { class: "part" },
      el("p", { class: "faint" }, t(`results.right_${kind}`)),
      el("p", { class: "results-figure" }, el("b", { id: "results-accuracy" }, FS.fmt.pct(measured.accuracy)),
        el("span", {}, t("results.of", { right: FS.fmt.int(measured.right), n: FS.fmt.int(measured.n) }))),
      el("p", {}, t("results.likely"), " ", el("strong", {}, between(measured.interval)), "."),
      el("p", { class: "small faint results-rests" }, t(rests, { n: FS.fmt.int(measured.n), more: FS.fmt.int(measured.halve) }), " ",
        more ? el("button", { class: "link", type: "button", onclick: () => askChecks(measured.halve) }, t("results.more_check")) : null),
      data.also ? el("p", { class: "small faint" }, t(`results.also_${data.also.kind}`, {
        n: FS.fmt.int(data.also.n), accuracy: FS.fmt.pct(data.also.accuracy), low: low(data.also.interval[0]), high: high(data.also.interval[1]) })) : null,
      data.also && data.also.verdict && data.also.verdict.kind === "worse" ? el("p", { class: "small results-also" }, verdict(data.also.verdict)) : null,
      data.self_taught ? el("p", { class: "small faint" }, t("results.self_taught", { n: FS.fmt.int(data.self_taught) })) : null,
      measured.kind !== "check" && measured.kind !== "run" ? checkNote() : null);
  }

  // The Select page opens with so many check images asked for and nothing else.
  function askChecks(n) {
    FS.selectChecks = n;
    FS.go("select");
    document.dispatchEvent(new CustomEvent("fs:select"));
  }

  function checkNote() {
    return el("p", { class: "small" }, el("button", { class: "link", type: "button", onclick: () => askChecks(SOME_CHECKS) }, t("results.some_check")));
  }

  function notMeasured(data) {
    if (data.run.status !== "done") return null; // why there is nothing to measure stands above
    const waiting = data.predicted && open(data.predicted);
    const own = data.on_training;
    return el("section", { class: "part" },
      el("p", { class: "results-figure none" }, el("b", { id: "results-accuracy" }, waiting ? "–" : t("results.no_check_title"))),
      waiting ? el("p", {}, t("results.predicting_soon")) : el("p", {}, data.checks ? t("results.no_answers", { n: FS.fmt.int(data.checks) }) : t("results.no_check")),
      own && !waiting ? el("p", { class: "small faint" }, t("results.trained_on", own)) : null, waiting || data.checks ? null : checkNote());
  }

  function verdict(found) { // the last phase beside an earlier one
    const key = `results.${found.kind}${found.sure ? "_sure" : ""}`;
    return t(key, { n: FS.fmt.int(found.n), phase: `“${found.phase}”`, than: `“${found.than}”`, accuracy: FS.fmt.pct(found.accuracy), other: FS.fmt.pct(found.other) });
  }

  function phases(data) {
    if (!data.phases.length) return null;
    const last = data.phases.length - 1;
    const rows = data.phases.map((row, place) => {
      const track = el("div", { class: "dot-track" });
      if (row.interval) {
        track.append(el("i", { class: "bar", style: { left: `${100 * row.interval[0]}%`, width: `${100 * (row.interval[1] - row.interval[0])}%` } }),
          el("i", { class: "dot", style: { left: `${100 * row.accuracy}%` } }));
      }
      const value = row.interval ? FS.fmt.pct(row.accuracy) : "–";
      const title = row.interval ? between(row.interval) : t("results.train_accuracy", { accuracy: FS.fmt.pct(row.train_accuracy) });
      return el("li", { class: place === last ? "dot-row last" : "dot-row", title }, el("span", { class: "clip" }, row.title), track, el("span", { class: "num" }, value));
    });
    const measured = data.phases.some((row) => row.interval);
    const axis = el("li", { class: "dot-row dot-axis", "aria-hidden": "true" }, el("span"), el("div", { class: "dot-track" },
      [0, 25, 50, 75, 100].map((value) => el("span", { style: { left: `${value}%` } }, String(value)))), el("span"));
    return el("section", { class: "part" }, el("h2", {}, t("results.phases")),
      measured ? el("ul", { class: "dots" }, rows, axis) : el("p", { class: "small" }, t("results.phases_none")),
      data.verdict ? el("p", { class: data.verdict.kind === "worse" ? "note warn" : "note" }, verdict(data.verdict)) : null,
      data.decisions.length ? el("details", { class: "results-decisions" }, el("summary", {}, FS.icon("chevron-right"), t("results.decided")),
        el("ul", {}, data.decisions.map((each) => el("li", { class: "small", title: `${each.name}: ${each.value}` }, el("b", {}, each.words), each.reason ? ` (${each.reason})` : "")))) : null);
  }

  function perClass(data) {
    if (!data.measured && !data.classes.length) return null; // a run that never had a model
    const listed = data.measured ? data.measured.classes : data.classes.map((each) => ({ ...each, n: 0, named: 0, found: 0 }));
    const rows = listed.map((each) => el("tr", {},
      el("th", { scope: "row" }, el("span", { class: "results-class" }, FS.classMark(classOf(each.name)), el("span", { class: "clip", title: each.name }, each.name))),
      el("td", { class: `num${each.n ? "" : " faint"}` }, each.n ? t("results.one_of", { a: FS.fmt.int(each.found), b: FS.fmt.int(each.n) }) : t("results.none_checked")),
      el("td", { class: `num minor${each.named ? "" : " faint"}` }, each.named ? t("results.one_of", { a: FS.fmt.int(each.found), b: FS.fmt.int(each.named) }) : "–"),
      el("td", { class: "num" }, FS.fmt.int(each.labels))));
    const heads = [["class", ""], ["found", "num"], ["named", "num minor"], ["labels", "num"]];
    return el("section", { class: "part" }, el("h2", {}, t("results.per_class")), el("table", { class: "results-classes" },
      el("thead", {}, el("tr", {}, heads.map(([key, kind]) => el("th", { scope: "col", class: kind }, t(`results.${key}`))))), el("tbody", {}, rows)));
  }

  function undone(run) { // no model: whether one is coming, and what stands in its way
    const lines = [el("span", {}, t(`results.is_${run.status}`, { n: run.number }))];
    if (run.status === "failed" && run.reason) lines.push(el("span", { class: "results-reason" }, FS.sentence(run.reason)));
    const button = el("button", { class: "btn slim", type: "button", onclick: () => FS.go("train") }, t("results.to_train"));
    return el("div", { class: `note results-note${run.status === "failed" ? " bad" : ""}`, role: "status" }, lines, button);
  }

  function trouble(data) { // the pool is not predicted: why, and what to do
    const run = data.predicted, running = run && FS.state.run && FS.state.run.id === run.id ? FS.state.run : null;
    if (data.run.status !== "done") return undone(data.run);
    if (run && run.status === "done") return null;
    if (run && open(run)) {
      const done = running && running.progress && running.progress.total ? running.progress : null;
      const bar = el("i", { style: { width: done ? `${(100 * done.done) / done.total}%` : "0%" } });
      return el("div", { class: "note results-note", role: "status" },
        done ? t("results.predicting", { done: FS.fmt.int(done.done), total: FS.fmt.int(done.total) }) : t("results.predicting_soon"), el("div", { class: "meter" }, bar));
    }
    const button = el("button", { class: "btn slim", type: "button", onclick: () => FS.start("predict", { run: data.run.id }).catch(FS.toast) },
      t(run ? "results.predict_again" : "results.predict"));
    return el("div", { class: `note results-note ${run ? "bad" : ""}` }, run ? `${t("results.predict_failed")} ${run.reason || ""} ` : `${t("results.predict_missing")} `, button);
  }

  window.FactResults = { store, tell, read, choose, head, figure, phases, perClass, trouble, classOf, between, busyWith, open };
})();
