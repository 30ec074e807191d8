/* Page 1, Project: list, image folder, what was found, backbones, preview, this computer. */
(() => {
  "use strict";
  const { el, t, fmt, icon } = window.FS;
  const parts = window.FactProject;

  window.FS.register("project", (root, FS) => {
    let info = null; // /x/app
    let found = null; // /x/K/found
    let nets = null; // /x/backbones
    let making = !FS.p; // the form for a new project shows
    let foundFor = "";
    let problem = null; // error of the form
    let ended = false;
    let netTimer = 0;

    // Places that are filled again only when what they show has changed: typing and focus survive.
    const head = el("div", { class: "page-head" });
    const list = el("nav", { class: "pane p-list", "aria-label": t("project.projects") });
    const folderPart = el("section", { class: "part" });
    const foundPart = el("section", { class: "part" });
    const netPart = el("section", { class: "part" });
    const previewPart = el("section", {});
    const computerPart = el("section", { class: "part" });
    root.replaceChildren(
      head,
      el("div", { class: "panes p-panes" }, list, el("div", { class: "pane p-main" }, folderPart, foundPart, netPart), el("aside", { class: "pane" }, previewPart, computerPart)),
    );
    const drawn = new Map();
    function fill(place, key, make) {
      const text = JSON.stringify(key);
      if (drawn.get(place) === text) return;
      drawn.set(place, text);
      const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
      place.replaceChildren(...[make()].flat(Infinity).filter(Boolean));
      if (focused) place.querySelector(`#${CSS.escape(focused)}`)?.focus();
    }
    const shown = () => FS.state && FS.state.project;
    const scans = () => FS.state.runs.filter((run) => run.kind === "scan");
    const scanning = () => (FS.state.run && FS.state.run.kind === "scan" ? FS.state.run : null);

    // ---- head --------------------------------------------------------------------------------------
    function drawHead() {
      const project = !making && shown();
      const counts = FS.state.counts;
      const busy = Boolean(project && scanning());
      fill(head, [making, project, counts && counts.pool, busy, FS.state.problem], () => {
        if (!project)
          return [
            el("h1", {}, t("project.title")),
            el("span", { class: "fact" }, t("project.local")),
            el("button", { class: "btn primary", type: "submit", form: "p-new" }, t("project.create")),
          ];
        const fact = busy ? t("project.scanning") : counts.pool ? t("project.ready", { n: fmt.int(counts.pool) }) : t("project.none");
        return [
          el("h1", { class: "clip" }, project.name),
          el("span", { class: "fact clip" }, fact),
          el("button", { class: "btn primary", type: "button", disabled: busy || !counts.pool, onclick: () => FS.go("select") }, t("project.next")),
        ];
      });
    }

    // ---- projects ------------------------------------------------------------------------------------
    function row(each) {
      const current = each.key === FS.p && !making;
      const sub = each.problem || (each.labeled ? t("project.labeled", { done: fmt.int(each.labeled) }) : each.pool ? t("project.images_n", { n: fmt.int(each.pool) }) : t("project.not_scanned"));
      const open = () => {
        if (each.key === FS.p) {
          making = false;
          draw();
        } else FS.open(each.key);
      };
      return el(
        "div",
        { class: `p-row ${current ? "current" : ""}` },
        el("button", { class: "main", type: "button", id: `p-${each.key}`, title: each.folder, "aria-current": current ? "true" : null, onclick: open }, el("span", { class: "name clip" }, each.name), el("span", { class: "small" }, fmt.when(each.opened)), el("span", { class: "small sub clip" }, sub)),
        el("button", { class: "btn icon", type: "button", "aria-label": `${t("project.more")}: ${each.name}`, onclick: (event) => FS.menu(event.currentTarget, [{ text: t("project.where", { folder: each.folder }), icon: "folder", act: () => navigator.clipboard?.writeText(each.folder) }, null, { text: t("project.delete"), icon: "trash", act: () => remove(each) }]) }, icon("more")),
      );
    }
    function drawList() {
      fill(list, [info && info.projects, making, FS.p], () => [
        el("div", { class: "pane-head" }, el("h2", {}, t("project.projects")), el("button", { class: "btn quiet push", type: "button", onclick: startNew }, icon("plus"), t("project.new"))),
        info && info.projects.length ? el("div", { class: "rows" }, info.projects.map(row)) : el("p", { class: "p-empty small", style: { flex: "1" } }, t("project.empty_list")),
        el("div", { class: "foot small" }, el("button", { class: "link", type: "button", onclick: openOther }, t("project.open_other")), el("p", { style: { "margin-top": "8px" } }, t("project.list_note"))),
      ]);
    }
    function startNew() {
      making = true;
      problem = null;
      draw();
      root.querySelector("#p-images")?.focus();
    }
    async function remove(each) {
      const yes = await FS.confirm({ title: t("project.delete_title", { name: each.name }), text: t("project.delete_text"), yes: t("project.delete_yes"), danger: true });
      if (!yes) return;
      await FS.api("/x/projects/delete", { key: each.key });
      if (each.key === FS.p) {
        location.href = "/";
        return;
      }
      FS.toast(t("project.deleted", { name: each.name }));
      await loadInfo();
    }
    async function openOther() {
      const field = el("input", { class: "field", id: "p-open", spellcheck: "false", autocomplete: "off" });
      const note = el("div", {});
      const go = async (close) => {
        try {
          const { key } = await FS.api("/x/projects/open", { folder: field.value });
          close();
          FS.open(key);
        } catch (error) {
          note.replaceChildren(FS.errorBox(error));
        }
      };
      await FS.dialog(t("project.open_title"), [el("label", {}, t("project.open_field"), el("span", { class: "small" }, t("project.open_help")), field), note], (close) => {
        field.addEventListener("keydown", (event) => event.key === "Enter" && go(close));
        return [el("button", { class: "btn", type: "button", onclick: () => close() }, t("dialog.cancel")), el("button", { class: "btn primary", type: "button", onclick: () => go(close) }, t("project.open_yes"))];
      });
    }

    // ---- image folder ----------------------------------------------------------------------------------
    async function create(values) {
      problem = null;
      try {
        const { key } = await FS.api("/x/projects/new", values);
        FS.open(key);
      } catch (error) {
        problem = { what: error.what, found: error.found, do: error.do };
        draw();
        root.querySelector("#p-images")?.setAttribute("aria-invalid", "true");
      }
    }
    const value = (id) => root.querySelector(`#${id}`)?.value ?? "";
    function newForm() {
      const submit = (event) => {
        event.preventDefault();
        create({ images: value("p-images"), name: value("p-name"), folder: value("p-place") });
      };
      return el(
        "form",
        { class: "p-form", id: "p-new", onsubmit: submit },
        el("label", {}, t("project.folder"), el("span", { class: "small" }, t("project.folder_help")), el("input", { class: "field", id: "p-images", required: true, placeholder: t("project.folder_example"), spellcheck: "false", autocomplete: "off", value: value("p-images") })),
        problem ? FS.errorBox(problem) : "",
        el("label", {}, t("project.name"), el("span", { class: "small" }, t("project.name_help")), el("input", { class: "field", id: "p-name", maxlength: "200", autocomplete: "off", value: value("p-name") })),
        el("details", {}, el("summary", {}, icon("chevron-right"), t("project.more_options")), el("label", {}, t("project.place"), el("span", { class: "small" }, t("project.place_help", { home: info ? info.home : "" })), el("input", { class: "field", id: "p-place", spellcheck: "false", autocomplete: "off", value: value("p-place") }))),
      );
    }
    function folderForm(project) {
      const button = el("button", { class: "btn", type: "submit" });
      const field = el("input", { class: "field", id: "p-images", spellcheck: "false", autocomplete: "off", value: project.images, "aria-describedby": "p-images-help" });
      const rename = () => button.replaceChildren(field.value.trim() !== project.images ? t("project.create") : scans().length ? t("project.scan_again") : t("project.scan"));
      field.addEventListener("input", rename);
      rename();
      const submit = (event) => {
        event.preventDefault();
        if (field.value.trim() !== project.images) create({ images: field.value });
        else FS.start("scan").catch(FS.toast);
      };
      return [
        el("form", { class: "p-field", onsubmit: submit }, el("label", { class: "full", for: "p-images" }, t("project.folder")), el("span", { class: "full small", id: "p-images-help" }, t("project.folder_help")), field, button),
        problem ? el("div", { style: { "margin-top": "8px" } }, FS.errorBox(problem)) : "",
      ];
    }
    function drawFolder() {
      const project = !making && shown();
      const lost = FS.state.problem && !shown() ? FS.state.problem : null;
      fill(folderPart, [making || !project, project, problem, lost && lost.what, project && scans().length > 0, info && info.home], () => [lost ? el("div", { style: { "margin-bottom": "16px" } }, FS.errorBox(lost)) : "", project ? folderForm(project) : newForm()]);
    }

    // ---- found --------------------------------------------------------------------------------------------
    // Places of their own: the Stop button must stay where it is while the figures below it grow.
    const [foundHead, foundRun, foundRest] = ["", "", ""].map(() => el("div", {}));
    let scanNode = null, scanId = 0;
    function drawFound() {
      const project = !making && shown();
      const counts = FS.state.counts;
      const run = project ? scanning() : null;
      const newest = project ? scans()[0] : null;
      const done = project ? scans().find((each) => each.status === "done") : null;
      foundPart.hidden = !project || !(run || newest || counts.files);
      if (foundPart.hidden) return;
      if (!foundHead.isConnected) foundPart.replaceChildren(foundHead, foundRun, foundRest);
      const said = done ? t("project.scanned", { when: fmt.when(done.ended).replace(t("time.now"), t("time.today")), clock: fmt.clock(done.ended).slice(0, 5), time: fmt.time(done.seconds) }) : "";
      fill(foundHead, [run ? "" : said], () => [el("div", { class: "p-head" }, el("h2", {}, t("project.found")), el("span", { class: "small push" }, run ? "" : said))]);
      if (run && scanId !== run.id) [scanNode, scanId] = [parts.scanRun(run), run.id];
      if (run) scanNode.tell(run);
      fill(foundRun, [run && run.id, newest && [newest.id, newest.status]], () => {
        const note = run ? scanNode : parts.scanNote(newest);
        return [note ? el("div", { style: { "margin-bottom": "16px" } }, note) : ""];
      });
      fill(foundRest, [counts, found], () => [counts.files ? parts.figures(counts) : "", counts.files ? parts.bar(counts) : "", parts.problems(counts, found)]);
    }

    // ---- backbones -------------------------------------------------------------------------------------------
    function featuresTime(net) {
      const done = FS.state.runs.find((run) => run.kind === "features" && run.status === "done" && run.config.backbone === net.name && run.result && run.result.images_per_s > 0);
      const pool = FS.state.counts ? FS.state.counts.pool : 0;
      if (!pool) return "–";
      return fmt.about(done ? pool / done.result.images_per_s : pool * net.seconds_per_image);
    }
    const chosen = () => FS.backbone(nets ? nets.recommended : "");
    function netRow(net) {
      const pick = el("input", { class: "radio", type: "radio", name: "p-backbone", id: `p-net-${net.name}`, checked: chosen() === net.name, onchange: () => (FS.setBackbone(net.name), draw()) });
      const state = net.busy
        ? el("span", { class: "tag", role: "status" }, net.file ? t("project.b_checking") : net.percent === null ? t("project.b_downloading") : t("project.b_percent", { percent: net.percent }))
        : net.own
        ? el("button", { class: "btn slim", type: "button", id: `p-own-${net.name}`, title: net.detail, disabled: nets.busy, onclick: () => forget(net).catch(FS.toast) }, icon("check"), t("project.b_own"))
        : net.ready
        ? el("span", { class: "tag good", title: net.detail }, icon("check"), t("project.b_ready"))
        : net.bytes
        ? el("button", { class: "btn slim", type: "button", id: `p-get-${net.name}`, disabled: nets.busy, title: net.detail, onclick: () => download(net) }, t("project.b_download", { size: fmt.bytes(net.bytes) }))
        : el("button", { class: "btn slim", type: "button", id: `p-bring-${net.name}`, disabled: nets.busy, title: net.detail, onclick: () => ownFile(net.name) }, t("project.b_bring"));
      return el(
        "tr",
        { class: chosen() === net.name ? "chosen" : "" },
        el("td", {}, el("label", { title: net.help }, pick, el("span", {}, net.title), nets.recommended === net.name && nets.backbones.filter((each) => each.ready).length > 1 ? el("span", { class: "tag" }, t("project.b_recommended")) : "")),
        el("td", { class: "num minor" }, `${(net.parameters / 1e6).toFixed(1)} M`),
        el("td", { class: "num minor" }, net.licence),
        el("td", { class: "num" }, featuresTime(net)),
        el("td", { class: "end" }, state),
      );
    }
    async function download(net) {
      nets = await FS.api("/x/weights", { name: net.name });
      draw();
      loadNets();
    }
    async function forget(net) {
      const yes = await FS.confirm({ title: `${net.title}: ${t("project.b_own")}`, text: `${net.detail} ${t("project.b_forget_text")}`, yes: t("project.b_forget") });
      if (!yes) return;
      nets = await FS.api("/x/weights/forget", { name: net.name });
      draw();
    }
    async function ownFile(wanted) {
      const net = el("select", { class: "field", id: "p-own-net" }, nets.backbones.map((each) => el("option", { value: each.name, selected: each.name === wanted }, each.title)));
      // Where nothing downloads the weights, the words that say which file to look for.
      const which = el("p", { class: "small", id: "p-own-which" });
      const sayWhich = () => {
        const it = nets.backbones.find((each) => each.name === net.value);
        which.textContent = it.ready || it.bytes ? "" : it.detail;
      };
      net.addEventListener("change", sayWhich);
      sayWhich();
      const file = el("input", { class: "field", id: "p-own-file", placeholder: t("project.b_file_example"), spellcheck: "false", autocomplete: "off" });
      const note = el("div", {});
      const go = async (close) => {
        try {
          nets = await FS.api("/x/weights", { name: net.value, file: file.value });
          close();
          draw();
          loadNets();
        } catch (error) {
          note.replaceChildren(FS.errorBox(error));
        }
      };
      await FS.dialog(t("project.b_file"), [el("label", {}, t("project.b_file_for"), net), which, el("label", {}, t("project.b_file_path"), el("span", { class: "small" }, t("project.b_file_help")), file), note], (close) => {
        const yes = el("button", { class: "btn primary", type: "button", disabled: true, onclick: () => go(close) }, t("project.b_file_yes"));
        file.addEventListener("input", () => (yes.disabled = !file.value.trim()));
        file.addEventListener("keydown", (event) => event.key === "Enter" && file.value.trim() && go(close));
        return [el("button", { class: "btn", type: "button", onclick: () => close() }, t("dialog.cancel")), yes];
      });
    }
    function drawNets() {
      netPart.hidden = !nets;
      if (!nets) return;
      fill(netPart, [nets, chosen(), nets.backbones.map(featuresTime)], () => [
        el("div", { class: "p-head" }, el("h2", { id: "p-nets" }, t("project.backbone")), el("span", { class: "small push" }, t("project.backbone_note"))),
        el(
          "table",
          { class: "p-backbones", "aria-labelledby": "p-nets" },
          el("thead", {}, el("tr", {}, el("th", { scope: "col" }, t("project.b_name")), el("th", { scope: "col", class: "num minor" }, t("project.b_parameters")), el("th", { scope: "col", class: "num minor" }, t("project.b_licence")), el("th", { scope: "col", class: "num" }, t("project.b_features")), el("th", { scope: "col", class: "end" }, t("project.b_weights")))),
          el("tbody", {}, nets.backbones.map(netRow)),
        ),
        nets.backbones.filter((net) => net.failed).map((net) => el("div", { style: { "margin-top": "8px" } }, FS.errorBox({ what: t(net.file ? "project.b_file_failed" : "project.b_failed", { name: net.title }), found: net.failed }))),
        el("p", { class: "small", style: { "margin-top": "8px" } }, t("project.b_network"), " ", el("button", { class: "link", type: "button", id: "p-own", disabled: nets.busy, onclick: () => ownFile(chosen()) }, t("project.b_file"))),
      ]);
    }
    async function loadNets() {
      clearTimeout(netTimer);
      nets = await FS.api("/x/backbones");
      if (ended) return;
      draw();
      if (nets.busy) netTimer = setTimeout(loadNets, 1500);
    }

    // ---- preview and computer -------------------------------------------------------------------------------------
    function drawPreview() {
      const ids = !making && shown() && found ? found.preview : [];
      previewPart.hidden = !ids.length;
      fill(previewPart, ids, () => [
        el("div", { class: "pane-head" }, el("h2", {}, t("project.preview")), el("span", { class: "small push" }, t("project.preview_n", { n: ids.length }))),
        el("div", { class: "p-preview", style: { padding: "0 16px 16px" } }, ids.map((id) => el("img", { src: FS.thumb(id), alt: "", loading: "lazy", width: 60, height: 60 }))),
      ]);
      computerPart.style.borderTop = ids.length ? "1px solid var(--line)" : "0";
    }
    function drawComputer() {
      if (!info) return;
      const here = info.computer;
      fill(computerPart, [here.cores, fmt.bytes(here.memory_free), fmt.bytes(here.disk_free), here.gpu], () => parts.computer(here));
    }
    // ---- data -----------------------------------------------------------------------------------------------------------
    async function loadInfo() {
      info = await FS.api("/x/app");
      if (!ended) draw();
    }
    async function loadFound() {
      const counts = FS.state.counts;
      const key = JSON.stringify([counts.files, counts.pool, counts.unreadable, counts.missing, scans()[0]?.status]);
      if (key === foundFor || FS.page !== "project") return;
      if (scanning() && found && found.preview.length) return; // while it scans, one look is enough
      foundFor = key;
      found = await FS.api("/found");
      if (ended) return;
      draw();
      await loadInfo();
    }
    function draw() {
      if (!FS.state) return;
      drawHead();
      drawList();
      drawFolder();
      drawFound();
      drawNets();
      drawPreview();
      drawComputer();
    }
    let wasShown = false; // a project that was here and does not answer now is not left; an address of none has no other page
    let lost = false; // the project of the address cannot be shown: the form for a new one stands in
    const drop = FS.onState(() => {
      if (lost !== Boolean(FS.state.problem)) making = lost = Boolean(FS.state.problem);
      draw();
      if (shown()) { wasShown = true; loadFound().catch(FS.toast); }
    });
    const onPage = () => {
      if (FS.page !== "project" && FS.state && FS.state.problem && !wasShown) return void FS.go("project");
      if (FS.page !== "project" || !FS.state) return;
      loadInfo().catch(() => {});
      loadNets().catch(() => {});
      if (shown()) loadFound().catch(FS.toast);
    };
    document.addEventListener("fs:page", onPage);
    loadInfo().catch(FS.toast);
    loadNets().catch(FS.toast);
    return () => {
      ended = true;
      clearTimeout(netTimer);
      drop();
      document.removeEventListener("fs:page", onPage);
    };
  });
})();
