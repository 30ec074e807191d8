// The Results page's middle and right: confusion matrix, mistakes, export form, the predicted pool.
(function () {
  "use strict";

  const FS = window.FS, el = FS.el, t = FS.t, R = window.FactResults, store = R.store;
  const LETTER = 7.5; // px: where the matrix' headings do not fit side by side, they turn upright

  // ---- confusion matrix ------------------------------------------------------------------------------
  function cell(count, most, right) {
    if (!count) return el("td", { class: "m-cell" });
    const share = Math.round(12 + 26 * (count / most));
    return el("td", { class: `m-cell ${right ? "right" : "wrong"}`, style: right ? { "--share": `${share}%` } : {} }, FS.fmt.int(count));
  }

  function matrix(data, width) {
    const measured = data.measured;
    const truth = measured && ["demo", "folders"].includes(measured.kind);
    const top = el("div", { class: "results-line" }, el("h2", {}, t("results.matrix")),
      measured ? el("span", { class: "small faint push" }, t(truth ? "results.matrix_truth" : "results.matrix_check")) : null);
    const none = data.run.status !== "done" ? "undone" : data.checks ? "waits" : "none";
    if (!measured) return el("section", { class: "part" }, top, el("p", { class: "small" }, t(`results.matrix_${none}`, { n: data.run.number })));
    const names = measured.classes.map((each) => each.name), most = Math.max(1, ...measured.confusion.map((row, i) => row[i]));
    const heads = names.map((name) => el("th", { scope: "col", title: name }, el("span", {}, name)));
    const rows = measured.confusion.map((row, i) => el("tr", {}, el("th", { scope: "row", title: names[i] }, el("span", { class: "clip" }, names[i])),
      row.map((count, j) => cell(count, most, i === j)), el("td", { class: "m-sum" }, FS.fmt.int(row.reduce((a, b) => a + b, 0)))));
    const table = el("table", { class: `matrix${names.length * (LETTER * Math.max(...names.map((name) => name.length)) + 10) > width - 200 ? " upright" : ""}${names.length > 24 ? " dense" : ""}` },
      el("caption", { class: "sr" }, t("results.matrix")),
      el("thead", {}, el("tr", {}, el("td"), heads, el("th", { scope: "col", class: "m-sum" }, t("results.images")))), el("tbody", {}, rows));
    return el("section", { class: "part" }, top, el("div", { class: "matrix-scroll", tabindex: "0", role: "region", "aria-label": t("results.matrix") }, table));
  }

  // ---- mistakes ---------------------------------------------------------------------------------------
  function mistake(each, names) {
    const truth = names[each.true], said = names[each.said], sure = FS.fmt.pct(each.confidence, 0);
    const open = () => { FS.labelItem = each.id; FS.go("label"); document.dispatchEvent(new CustomEvent("fs:label")); };
    return el("li", { class: "mistake" }, el("button", { type: "button", class: "mistake-open", onclick: open },
      el("img", { class: "thumb", loading: "lazy", src: FS.thumb(each.id), alt: t("results.mistake_alt", { truth, said, sure }) }),
      el("span", { class: "results-class" }, FS.classMark(R.classOf(truth)), el("span", { class: "clip", title: truth }, truth)),
      el("span", { class: "mistake-said" }, el("span", { class: "clip", title: said }, t("results.said", { name: said })), el("span", { class: "num" }, sure))));
  }

  function mistakes(data) {
    const measured = data.measured;
    if (!measured || measured.mistakes_total === null || measured.mistakes_total === undefined) return null;
    const total = measured.mistakes_total, shown = measured.mistakes.length, names = measured.classes.map((each) => each.name);
    const title = !total ? t("results.no_mistakes") : total === 1 ? t("results.one_mistake") : t("results.mistakes", { n: FS.fmt.int(total) });
    const help = !total ? t("results.no_mistakes_help", { n: FS.fmt.int(measured.n) })
      : shown < total ? t("results.mistakes_some", { n: shown }) : t("results.mistakes_help");
    return el("section", { class: "part" }, el("div", { class: "results-line" }, el("h2", { id: "results-mistakes" }, title), el("span", { class: "small faint" }, help)),
      total ? el("ul", { class: "mistakes" }, measured.mistakes.map((each) => mistake(each, names))) : null);
  }

  // ---- export -------------------------------------------------------------------------------------------
  function exportItem(item) {
    const box = el("input", { type: "checkbox", value: item.name, onchange: () => {
      if (box.checked) store.wanted.add(item.name); else store.wanted.delete(item.name);
      R.tell();
    } });
    box.checked = store.wanted.has(item.name);
    return el("label", { class: "export-item" }, box, el("span", {}, item.title, el("span", { class: "small faint" }, item.help)));
  }

  function exported(run) {
    if (R.open(run)) return el("div", { class: "note", role: "status" }, t("results.exporting"));
    if (run.status === "failed") return el("div", { class: "note bad", role: "alert" }, el("b", {}, t("results.export_failed")), ` ${run.reason || ""}`);
    if (run.status !== "done") return null;
    const copy = el("button", { class: "btn quiet slim", type: "button", onclick: async () => {
      try { await navigator.clipboard.writeText(run.folder); copy.replaceChildren(t("results.copied")); } catch { /* the path stands there to be marked by hand */ }
    } }, t("results.copy"));
    const names = run.files.join(", "), count = run.files.length;
    return el("div", { class: "note good", role: "status" }, el("b", {}, t("results.exported")), " ", el("span", { class: "export-path" }, run.folder), copy,
      count ? el("p", {}, t(count === 1 ? "results.export_file" : "results.export_files", { n: count, names })) : null);
  }

  function exportPart(data) {
    if (data.run.status !== "done") {
      return el("section", { class: "part" }, el("h2", {}, t("results.export")), el("p", { class: "small" }, t("results.export_undone", { n: data.run.number })));
    }
    const into = el("input", { class: "field", type: "text", id: "export-into", spellcheck: "false", autocomplete: "off", oninput: () => { store.into = into.value; } });
    into.value = store.into ?? data.export_into;
    return el("section", { class: "part" }, el("h2", {}, t("results.export")),
      el("div", { class: "export-items" }, data.items.map(exportItem)),
      el("label", { class: "export-into", for: "export-into" }, t("results.into"), el("span", { class: "small faint" }, t("results.into_help"))), into,
      el("div", { class: "export-done" }, data.exports.slice(0, 2).map(exported)));
  }

  // ---- the pool as predicted ------------------------------------------------------------------------------
  function poolPart() {
    const host = el("div", { class: "results-map" }), legend = el("ul", { class: "results-legend" });
    const csv = el("a", { class: "btn slim push", download: "" }, FS.icon("download"), t("results.csv"));
    const none = el("p", { class: "small" }, t("results.no_map"));
    const part = el("section", { class: "part results-pool" }, el("div", { class: "results-line" }, el("h2", {}, t("results.pool")), csv), none, host, legend);
    let map = null, answers = null, shownRun = "";

    function describe(id) {
      const row = answers && answers.rows.get(id);
      if (row === undefined || row === null) return null;
      return { title: answers.classes[answers.y[row]], line: FS.fmt.pct(answers.sure[row] / 255, 0) };
    }
    function paint() {
      if (!map || !map.data) return;
      if (!answers) return map.paint(null, [], null);
      const index = new Uint16Array(map.data.n).fill(65535), alpha = new Uint8Array(map.data.n).fill(90);
      map.data.ids.forEach((id, place) => {
        const row = answers.rows.get(id);
        if (row === undefined) return;
        index[place] = answers.y[row];
        alpha[place] = 70 + Math.round((185 * answers.sure[row]) / 255);
      });
      map.paint(index, answers.classes.map((name) => FS.classColor(R.classOf(name))), alpha);
    }
    async function load(run) {
      const buffer = await FS.api(`/predictions?run=${run}`, undefined, { raw: true });
      const length = new DataView(buffer).getUint32(0, true), start = 4 + length;
      const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
      const ids = new Int32Array(buffer, start, header.n), rows = new Map();
      ids.forEach((id, row) => rows.set(id, row));
      return { classes: header.classes, rows, y: new Uint16Array(buffer, start + 4 * header.n, header.n), sure: new Uint8Array(buffer, start + 6 * header.n, header.n) };
    }
    function update(data) {
      const picture = FS.state.map && FS.state.map.kind;
      none.hidden = Boolean(picture);
      host.hidden = !picture;
      if (picture && window.FactMap) {
        map = map || window.FactMap.create(host, { label: t("results.map_label"), describe, onPicture: paint, onPick() {} });
        map.follow(FS.state.map);
      }
      const ready = data.predicted && data.predicted.ready, key = ready ? `${data.run.id}:${data.predicted.id}` : "";
      part.hidden = data.run.status !== "done";
      csv.hidden = !ready;
      csv.href = `/x/${FS.p}/predictions.csv?run=${data.run.id}`;
      if (key === shownRun) return;
      shownRun = key;
      answers = null;
      legend.replaceChildren();
      if (!ready) return paint();
      load(data.run.id).then((found) => {
        if (shownRun !== key) return;
        answers = found;
        const present = new Set(found.y);
        legend.replaceChildren(...found.classes.map((name, i) => (present.has(i) ? el("li", {}, FS.classMark(R.classOf(name)), el("span", { class: "clip" }, name)) : null)).filter(Boolean),
          el("li", { class: "faint" }, t("results.fainter")));
        paint();
      }, FS.toast);
    }
    return { part, update, destroy: () => map && map.destroy() };
  }

  // ---- the page ----------------------------------------------------------------------------------------------
  function page(root) {
    const top = el("div", { class: "results-top" }), left = el("div", { class: "pane", tabindex: "0" }), middle = el("div", { class: "pane", tabindex: "0" });
    const right = el("div", { class: "pane", tabindex: "0" }), form = el("div"), panes = el("div", { class: "panes results-panes" }, left, middle, right), pool = poolPart();
    const empty = el("div", { class: "empty results-empty", hidden: true });
    right.append(form, pool.part);
    root.classList.add("fill", "results");
    root.replaceChildren(top, empty, panes);
    let drawn = "", headKey = "", formKey = "";

    function drawEmpty() {
      const loading = store.busy || (!store.key && FS.page === "results");
      empty.replaceChildren(...(store.error ? [FS.errorBox(store.error)] : loading ? []
        : [el("p", {}, t("results.empty")), el("button", { class: "btn primary", type: "button", onclick: () => FS.go("train") }, t("results.to_train"))]));
    }
    function draw() {
      if (!FS.state || !FS.state.project) return;
      const data = store.data;
      empty.hidden = Boolean(data);
      panes.hidden = !data;
      const progress = FS.state.run && FS.state.run.kind === "predict" ? FS.state.run.progress : null;
      const key = JSON.stringify([store.key, Boolean(data), data && data.run.id, progress, [...store.wanted], store.error && store.error.what, store.busy]);
      if (key === drawn) return;
      drawn = key;
      const wantedHead = JSON.stringify([data && [data.runs, data.run, data.stale], Boolean(R.busyWith("export")), store.wanted.size]);
      if (wantedHead !== headKey) { headKey = wantedHead; top.replaceChildren(R.head()); } // a click or an open list is not disturbed by news
      if (!data) return drawEmpty();
      const scroll = [left.scrollTop, middle.scrollTop];
      left.replaceChildren(...[R.trouble(data), R.figure(data), R.phases(data), R.perClass(data)].filter(Boolean));
      middle.replaceChildren(...[matrix(data, middle.clientWidth || 692), mistakes(data)].filter(Boolean));
      [left.scrollTop, middle.scrollTop] = scroll;
      const wantedForm = JSON.stringify([data.run.id, data.run.status, data.exports, data.export_into]);
      if (wantedForm !== formKey) { formKey = wantedForm; form.replaceChildren(exportPart(data)); } // typing is not disturbed by news
      pool.update(data);
    }
    const update = () => { R.read(); draw(); };
    const off = FS.onState(update);
    store.listeners.add(draw);
    const shown = (event) => { if (event.detail === "results") { if (window.FSResultsRun) { R.choose(window.FSResultsRun); window.FSResultsRun = 0; } update(); } };
    document.addEventListener("fs:page", shown);
    update();
    return () => { off(); store.listeners.delete(draw); document.removeEventListener("fs:page", shown); pool.destroy(); };
  }

  FS.register("results", page);
})();
