// The Select page: form, progress, the map with the chosen images, strip and grid, a closer look, reject.
(function () {
  "use strict";

  const PENDING = new Set(["queued", "running"]);

  function attach(root, FS) {
    const el = FS.el, t = FS.t, parts = {};
    const part = (name, node) => { parts[name] = node; return node; };
    let form = null, fields = null, only = false, queue = null, loaded = null, now = 0, view = "map", busy = false, gone = false;

    build();
    const map = FactMap.create(parts.map, { label: t("select.map_alt"), onPick: look, describe, onPicture: draw });
    const title = (name, value) => (form && form.titles(name, value)) || value;
    const evidence = FactSelectEvidence.create(FS, parts.evidence, { title: (value) => title("strategy", value), chosen: (id) => Boolean(entryOf(id)),
      choices: () => (form ? form.choices("strategy") : []), look: (id) => look(id).then(() => parts.look.scrollIntoView({ block: "nearest" })) });
    const weights = FactSelectWeights.create(FS, () => { if (form) form.remark(); draw(); });
    FS.api("/x/options/select").then((answer) => { fields = answer.fields; if (!gone) draw(); });

    function build() {
      const icon = (image, key, act) => el("button", { type: "button", class: "btn icon", title: t(key), "aria-label": t(key), onclick: act }, FS.icon(image));
      const choice = (name) => part(`view_${name}`, el("button", { type: "button", "aria-pressed": String(name === "map"), onclick: () => show(name) }, t(`select.${name}`)));
      root.classList.add("fill", "sl");
      root.append(
        el("div", { class: "page-head" }, el("h1", {}, t("select.title")), part("fact", el("span", { class: "fact" })),
          part("primary", el("button", { type: "button", class: "btn primary", onclick: primary }))),
        el("div", { class: "panes sl-panes" },
          el("section", { class: "pane sl-form", "aria-label": t("select.title") },
            part("only", el("div", { class: "note sl-only", role: "status", hidden: true })),
            part("form", el("div", { class: "sl-fields" })), part("lack", el("div", { class: "note warn", role: "status", hidden: true })),
            part("again", el("div", { class: "sl-again" }, part("now", el("p", { class: "small" })),
              part("add", el("button", { type: "button", class: "btn", onclick: () => start(true) })), el("p", { class: "small" }, t("select.add_hint")),
              part("anew", el("button", { type: "button", class: "btn", onclick: () => start(false) })), el("p", { class: "small" }, t("select.again_hint")))),
            part("run", el("div", { class: "sl-run", hidden: true })), part("kept", el("p", { class: "small sl-kept" }))),
          el("section", { class: "pane sl-middle", "aria-label": t("select.map") },
            el("div", { class: "pane-head" }, part("heading", el("h2", {}, t("select.map"))), part("about", el("span", { class: "small clip" })),
              el("span", { class: "push" }), part("views", el("div", { class: "seg", role: "group", "aria-label": t("select.view") }, choice("map"), choice("grid")))),
            part("mapside", el("div", { class: "sl-mapside" }, part("map", el("div", { class: "sl-map" })),
              part("zoom", el("div", { class: "sl-zoom" }, icon("plus", "select.closer", () => map.zoom(1.4)), icon("minus", "select.farther", () => map.zoom(1 / 1.4)), icon("fit", "select.fit", () => map.fit()))),
              part("legend", el("div", { class: "lb-legend" })))),
            part("grid", el("div", { class: "sl-grid", hidden: true })),
            part("stripside", el("div", { class: "sl-stripside" },
              el("div", { class: "sl-striphead" }, part("count", el("h2", {})), el("span", { class: "small clip" }, t("select.strip_hint")),
                part("all", el("button", { type: "button", class: "btn quiet slim push", onclick: () => show(view === "map" ? "grid" : "map") }))),
              part("strip", el("div", { class: "sl-strip" }))))),
          el("section", { class: "pane sl-side", "aria-label": t("select.look") }, part("look", el("div", { class: "part" })),
            part("evidence", el("div", { class: "part", hidden: true })), part("how", el("div", { class: "part" })))));
    }

    // -------------------------------------------------------------- what is going on
    const runOf = (state) => (state.runs || []).find((run) => run.kind === "select");
    const pendingRun = (state) => (state.runs || []).find((run) => run.kind === "select" && PENDING.has(run.status));
    const picks = () => (queue ? queue.entries.filter((entry) => entry.role === "pick") : []);
    const checks = () => (queue ? queue.entries.filter((entry) => entry.role === "audit") : []);

    function primary() {
      const state = FS.state, run = pendingRun(state);
      if (run) FS.stop(run.id).catch(FS.toast);
      else if (only) startChecks();
      else if (picks().length) FS.go("label");
      else start();
    }
    // Another page may ask for check images: FS.selectChecks = how many, then the event "fs:select".
    function ask() {
      const n = FS.selectChecks, state = FS.state;
      if (!n || !form || !state.counts || pendingRun(state)) return;
      FS.selectChecks = 0;
      only = Boolean(state.selection); // the first selection cannot be one of check images alone
      form.onlyChecks(only ? n : 0);
      if (!only) form.suggestChecks(n);
      draw();
    }
    function leave() { only = false; if (form) form.onlyChecks(0); draw(); }
    async function startChecks() {
      const { selection } = FS.state, check = form.values.check;
      busy = true;
      draw();
      try { await FS.start("select", { backbone: selection.backbone, seed: form.values.seed, budget: "0", check, extend: true }); leave(); } catch (error) { FS.toast(error); }
      busy = false;
      draw();
    }
    async function start(extend) {
      if (!form || busy) return;
      const wrong = form.problem();
      if (wrong) return FS.toast(wrong, "bad");
      busy = true;
      draw();
      try { await FS.start("select", { ...form.values, extend: extend === true }); } catch (error) { FS.toast(error); }
      busy = false;
      draw();
    }

    function draw() {
      const state = FS.state;
      if (!state || !state.counts) return;
      follow(state);
      const run = pendingRun(state), n = picks().length, pool = state.counts.pool, wants = form ? form.count() : 0;
      const lack = form && !only ? weights.lack(form.values.backbone, state.selection) : "";
      if (form) { form.setPool(pool); form.lock(Boolean(run)); }
      parts.fact.textContent = run ? stepText(state, run) : n ? t("select.chosen_of", { n: FS.fmt.int(n), pool: FS.fmt.int(pool) })
        : lack ? lack : pool ? t("select.to_choose", { pool: FS.fmt.int(pool) }) : t(state.run ? "select.scanning" : "select.no_pool");
      const button = parts.primary;
      button.className = `btn sl-primary ${run ? "" : "primary"}`;
      button.disabled = run ? run.stopping : busy || (only ? !(form.values.check > 0) : !n && (!form || !pool || Boolean(form.problem() || lack)));
      const says = run ? t(run.stopping ? "select.stopping" : "select.stop") : only ? t("select.only_do", { n: FS.fmt.int(form.values.check) }) : n ? toLabel(state, n)
        : t(wants === 1 ? "select.primary_one" : "select.primary", { n: FS.fmt.int(Math.max(0, wants)) });
      if (button.textContent !== says) button.replaceChildren(...(run ? [FS.icon("stop"), says] : [says])); // a click under way is not lost
      drawAgain(Boolean(run), lack, wants);
      drawRun(state, run);
      parts.zoom.hidden = !map.data;
      parts.views.hidden = !n;
      const drawing = state.runs.some((each) => each.kind === "map" && PENDING.has(each.status));
      parts.about.textContent = state.map && state.map.kind === "pca" && drawing ? t("map.first") : t("select.map_colour");
      drawHow(state);
      evidence.draw(state);
    }

    // The form is made anew for each selection: it shows what that was made with.
    function follow(state) {
      if (!fields || (form && form.of === (state.selection ? state.selection.id : 0))) return;
      if (form) form.destroy();
      only = false;
      form = FactSelectForm.create(FS, parts.form, fields, { selection: state.selection, weights, changed: draw });
      ask();
    }
    function drawAgain(running, lack, wants) {
      const n = picks().length;
      const amounts = (images, check) => t(check ? "select.images_checks" : images === 1 ? "select.images_one" : "select.images", { n: FS.fmt.int(images), check: FS.fmt.int(check) });
      parts.again.hidden = !n || !form || running || only;
      parts.lack.hidden = !lack || running;
      fillOnce(parts.lack, lack, () => [lack, " ", el("button", { type: "button", class: "link", onclick: () => FS.go("project") }, t("select.to_project"))]);
      parts.only.hidden = !only || running;
      const check = form ? form.values.check : 0, wanted = amounts(Math.max(0, wants), check);
      if (only) fillOnce(parts.only, String(check), () => [t("select.only", { n: FS.fmt.int(check) }), " ", el("button", { type: "button", class: "link", onclick: leave }, t("select.only_not"))]);
      if (parts.again.hidden) return;
      parts.now.textContent = t("select.now", { what: amounts(n, checks().length) });
      parts.add.textContent = t("select.add", { what: wanted });
      parts.anew.textContent = t("select.again", { what: wanted });
      parts.add.disabled = parts.anew.disabled = busy || Boolean(lack || form.problem());
    }
    function fillOnce(host, key, make) { if (host.dataset.of !== key) { host.dataset.of = key; host.replaceChildren(...make()); } } // a click under way is not lost

    function toLabel(state, n) { // when labeling has begun: what is left of it
      const of = state.labels, begun = of && of.picks_done + of.checks_done > 0, left = begun ? of.picks + of.checks - of.picks_done - of.checks_done - of.skipped : 0;
      return left > 0 ? t(left === 1 ? "select.label_rest_one" : "select.label_rest", { n: FS.fmt.int(left) }) : t(n === 1 ? "select.label_one" : "select.label_these", { n: FS.fmt.int(n) });
    }
    function stepText(state, run) {
      const active = state.run || run;
      const part = active.status === "queued" ? "select.run_queued" : `select.run_${active.kind}`;
      return FS.knows(part) ? t(part) : t("select.run_select");
    }
    function drawRun(state, run) {
      const last = runOf(state), progress = state.run && state.run.progress;
      parts.run.hidden = !run && !(last && ["failed", "stopped"].includes(last.status));
      if (parts.run.hidden) return;
      if (!run) {
        const what = t(last.status === "failed" ? "select.failed" : "select.stopped");
        return parts.run.replaceChildren(FS.errorBox({ what, found: last.reason, do: t("select.retry") }, last.status === "failed" ? "bad" : "warn"));
      }
      const share = progress && progress.total ? Math.min(1, progress.done / progress.total) : 0, facts = [];
      if (progress && progress.total) facts.push(t("run.progress", { done: FS.fmt.int(progress.done), total: FS.fmt.int(progress.total), unit: progress.unit }));
      if (progress && progress.rate >= 0.05) facts.push(t("select.rate", { rate: progress.rate >= 10 ? FS.fmt.int(progress.rate) : progress.rate.toFixed(1), unit: progress.unit }));
      if (progress && progress.seconds_left) facts.push(t("run.left", { time: FS.fmt.about(progress.seconds_left) }));
      if (!parts.meter || !parts.meter.isConnected) {
        parts.run.replaceChildren(part("step", el("p", {})), el("div", { class: "meter" }, part("meter", el("i", {}))), part("rate", el("p", { class: "small" })));
      }
      parts.step.textContent = stepText(state, run);
      parts.meter.style.width = `${100 * share}%`;
      parts.rate.textContent = facts.join(", ");
    }

    // -------------------------------------------------------------- the chosen images
    async function load(state) {
      const key = state.selection ? `${state.selection.id}.${state.version.split(".").slice(0, 2).join(".")}` : "";
      if (key === loaded) return;
      loaded = key;
      if (!key) { queue = null; return drawChosen(); }
      try { take(await FS.api("/queue")); } catch (error) { loaded = null; FS.toast(error); }
    }
    function take(answer) {
      queue = answer;
      if (now && !map.data && !queue.entries.some((entry) => entry.id === now)) now = 0;
      drawChosen();
      draw();
    }
    function drawChosen() {
      const held = isTile(document.activeElement), all = picks(), more = checks(), gaps = all.length ? evidence.gaps(FS.state) : [];
      map.setMarks([...gaps.map((gap) => ({ id: gap.item, shape: "gap" })), ...more.map((entry) => ({ id: entry.id, shape: "check" })), ...all.map((entry) => ({ id: entry.id, shape: "pick" }))]);
      parts.count.textContent = all.length ? t("select.strip", { n: FS.fmt.int(all.length) }) : t("select.strip_none");
      parts.stripside.classList.toggle("sl-none", !all.length);
      parts.all.textContent = t(view === "map" ? "select.show_all" : "select.show_map");
      fill(parts.strip, all.map((entry, i) => tile(entry, i)), view === "map");
      fill(parts.grid, [el("div", { class: "sl-tiles" }, all.map((entry, i) => tile(entry, i))),
        more.length ? el("p", { class: "sl-gridhead" }, el("strong", {}, t("select.checks", { n: more.length })), " ", el("span", { class: "small" }, t("select.checks_hint"))) : "",
        el("div", { class: "sl-tiles" }, more.map((entry, i) => tile(entry, i)))], view === "grid");
      const sign = (kind, key, n) => el("span", { class: "lb-key" }, el("i", { class: `lb-sign lb-sign-${kind}`, "aria-hidden": "true" }), t(key), el("small", {}, FS.fmt.int(n)));
      const pool = FS.state && FS.state.counts ? FS.state.counts.pool : 0;
      parts.legend.replaceChildren(all.length ? sign("pick", "select.key_chosen", all.length) : "", more.length ? sign("check", "select.key_check", more.length) : "",
        gaps.length ? sign("gap", "select.key_gap", gaps.length) : "", sign("pool", "select.key_rest", Math.max(0, pool - all.length - more.length)));
      look(now);
      if (held && mark()) mark().focus({ preventScroll: true });
    }
    const isTile = (node) => Boolean(node) && node.matches(".sl-tile");
    function fill(host, nodes, open) { host.replaceChildren(...(open ? nodes : [])); }
    function tile(entry, i) {
      const name = numberOf(entry);
      return el("button", { type: "button", class: "sl-tile", title: name, "aria-label": name, dataset: { id: entry.id, role: entry.role }, onclick: () => look(entry.id) },
        el("img", { src: FS.thumb(entry.id), alt: "", loading: "lazy", draggable: "false" }), el("span", {}, String(i + 1)));
    }
    const entryOf = (id) => queue && queue.entries.find((entry) => entry.id === id);
    function numberOf(entry) {
      const of = entry.role === "pick" ? picks() : checks();
      return t(entry.role === "pick" ? "select.number" : "select.check_number", { n: of.indexOf(entry) + 1, total: of.length });
    }
    function describe(id) {
      const entry = entryOf(id);
      if (!entry) return evidence.region(FS.state, id) || { title: t("select.not_chosen") };
      return { title: numberOf(entry), line: entry.path.split("/").pop(), hint: rejectable(entry) ? ["R", t("select.reject_hint")] : null };
    }
    const rejectable = (entry) => entry && entry.role === "pick" && !entry.state;

    // -------------------------------------------------------------- a closer look
    // Tab goes to one image of the strip and on to the next pane; the arrows go from image to image.
    function mark() {
      const all = [...root.querySelectorAll(".sl-tile")], of = (node) => Number(node.dataset.id) === now, way = all.find(of) || all[0];
      for (const node of all) {
        node.tabIndex = node === way ? 0 : -1;
        if (of(node)) node.setAttribute("aria-current", "true"); else node.removeAttribute("aria-current");
      }
      return way;
    }
    async function look(id) {
      now = id;
      map.setCurrent(id);
      mark();
      if (!id) return parts.look.replaceChildren(el("h2", {}, t("select.look")), el("p", { class: "small" }, t("select.look_hint")));
      const entry = entryOf(id) || await FS.api(`/item?id=${id}`).catch((error) => { FS.toast(error); return null; });
      if (!entry || now !== id) return;
      const chosen = Boolean(entry.role), img = el("img", { class: "sl-large", src: FS.image(id, 1024), alt: entry.path });
      const current = root.querySelector(".sl-strip [aria-current]");
      if (current) parts.strip.scrollLeft = current.offsetLeft + current.offsetWidth / 2 - parts.strip.clientWidth / 2;
      img.style.aspectRatio = `${entry.w} / ${entry.h}`;
      const reason = !chosen ? "select.not_chosen_hint" : entry.role === "audit" ? "select.check_fixed" : entry.state ? "select.labeled_fixed" : "";
      const held = buttons().indexOf(document.activeElement);
      parts.look.replaceChildren(
        el("div", { class: "sl-lookhead" }, el("h2", {}, chosen ? numberOf(entry) : t("select.not_chosen")), el("span", { class: "push" }),
          el("button", { type: "button", class: "btn icon", "aria-label": t("select.previous"), title: t("select.previous"), onclick: () => step(-1) }, FS.icon("chevron-left")),
          el("button", { type: "button", class: "btn icon", "aria-label": t("select.next"), title: t("select.next"), onclick: () => step(1) }, FS.icon("chevron-right"))),
        el("div", { class: "sl-stage" }, img), el("p", { class: "sl-name", dir: "auto" }, entry.path), el("p", { class: "small" }, t("select.size", { w: entry.w, h: entry.h })),
        reason ? el("p", { class: "small sl-reason" }, t(reason)) : el("button", { type: "button", class: "btn sl-reject", onclick: () => reject(entry.id) }, t("select.reject"), el("kbd", {}, "R")));
      if (held >= 0) (buttons()[held] || buttons()[1]).focus(); // "next" stays in hand
    }
    const buttons = () => [...parts.look.querySelectorAll("button")];
    function step(by) {
      const all = queue ? queue.entries : [], at = all.findIndex((entry) => entry.id === now);
      const to = at < 0 ? (by > 0 ? 0 : all.length - 1) : (at + by + all.length) % all.length;
      if (!all[to]) return;
      const held = isTile(document.activeElement);
      look(all[to].id);
      if (held) mark().focus();
    }
    async function reject(id) {
      if (busy) return;
      busy = true;
      try {
        const answer = await FS.api("/reject", { item: id });
        FS.toast(t(answer.replacement ? "select.rejected" : "select.rejected_last"));
        now = answer.replacement || 0;
        take(answer.queue);
        if (now) map.grow(now);
        FS.refresh();
      } catch (error) { FS.toast(error); } finally { busy = false; draw(); }
    }
    function drawHow(state) {
      const selection = state.selection;
      parts.how.hidden = !selection;
      if (!selection || parts.how.dataset.of === `${selection.id}.${picks().length}.${Boolean(form)}`) return;
      parts.how.dataset.of = `${selection.id}.${picks().length}.${Boolean(form)}`;
      FactSelectEvidence.how(FS, parts.how, selection, [["picks", FS.fmt.int(picks().length)], ["checks", FS.fmt.int(checks().length)]], title);
      parts.kept.textContent = t("select.kept", { n: FS.fmt.int(state.counts.pool) });
    }

    function show(name) {
      view = name;
      for (const each of ["map", "grid"]) parts[`view_${each}`].setAttribute("aria-pressed", String(each === name));
      parts.heading.textContent = t(`select.${name}`);
      parts.mapside.hidden = parts.about.hidden = name !== "map";
      parts.strip.hidden = name !== "map";
      parts.grid.hidden = name !== "grid";
      drawChosen();
      map.resize();
    }

    function onKey(event) {
      if (event.isComposing || event.repeat || event.ctrlKey || event.metaKey || event.altKey || !root.offsetParent || document.querySelector("dialog[open]")) return;
      if (event.target.closest && event.target.closest("input, textarea, select, [contenteditable], [role=menu]")) return;
      const aimed = entryOf(map.hovered || now);
      const act = { KeyR: () => rejectable(aimed) && reject(aimed.id), ArrowRight: () => step(1), ArrowLeft: () => step(-1) }[event.code];
      if (!act || !queue) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      act();
    }
    document.addEventListener("keydown", onKey, true);
    const off = FS.onState((state) => { map.follow(state.map); load(state); draw(); });
    document.addEventListener("fs:select", ask);
    look(0);

    return () => {
      gone = true;
      document.removeEventListener("keydown", onKey, true);
      document.removeEventListener("fs:select", ask);
      off();
      map.destroy();
      weights.destroy();
      if (form) form.destroy();
    };
  }

  window.FS.register("select", attach);
})();
