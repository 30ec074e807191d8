// Labels from elsewhere: a dialog that shows what would happen before anything does. Files are read here as text.
(function () {
  "use strict";

  const LARGEST = 60e6; // bytes; the server takes 64 MB with what JSON adds
  const KINDS = ["csv", "folders", "label-studio"];
  const ACCEPT = { csv: ".csv,.tsv,.txt,text/csv", "label-studio": ".json,application/json" };

  /** The text of a file. Rejects with {what, found, do} when it is too large or not UTF-8, and then names the row. */
  async function readText(FS, file) {
    if (file.size > LARGEST) throw { what: FS.t("import.too_large"), found: FS.fmt.bytes(file.size), do: FS.t("import.too_large_do") };
    const bytes = new Uint8Array(await file.arrayBuffer()), strict = new TextDecoder("utf-8", { fatal: true });
    try { return strict.decode(bytes); } catch { /* which row? */ }
    let row = 1;
    for (let from = 0; from < bytes.length; row++) {
      const end = bytes.indexOf(10, from), to = end < 0 ? bytes.length : end + 1;
      try { strict.decode(bytes.subarray(from, to)); } catch { break; }
      from = to;
    }
    throw { what: FS.t("import.not_utf8", { row: FS.fmt.int(row) }), found: file.name, do: FS.t("import.not_utf8_do") };
  }

  function create(FS, host, store) {
    const counted = (...words) => window.FactLabelParts.counted(FS, ...words), el = FS.el, t = FS.t;
    host.append(el("div", { class: "li-foot" }, el("button", { type: "button", class: "btn quiet slim", onclick: open }, t("import.open"))));

    function open() {
      let kind = "csv", found = null, keep = "mine", asked = 0, close = null;
      const file = el("input", { type: "file", onchange: read }), picker = el("label", {}, t("import.file"), file);
      const shown = el("div", { class: "li-shown", role: "status", "aria-live": "polite" });
      const yes = el("button", { class: "btn primary", type: "button", disabled: true, onclick: send }, t("import.yes_none"));
      const source = el("fieldset", { class: "li-kinds" }, el("legend", {}, t("import.source")), KINDS.map((each) =>
        el("label", { class: "li-kind" }, el("input", { type: "radio", name: "li-kind", value: each, checked: each === kind, onchange: () => choose(each) }),
          el("span", {}, el("b", {}, t(`import.${each}`)), el("span", { class: "small" }, t(`import.${each}_help`))))));

      function choose(next) {
        kind = next;
        file.value = "";
        file.accept = ACCEPT[kind] || "";
        picker.hidden = kind === "folders";
        found = null;
        draw();
        if (kind === "folders") read();
      }
      async function read() {
        const mine = ++asked;
        found = null;
        draw();
        if (kind !== "folders" && !file.files[0]) return;
        shown.replaceChildren(el("p", { class: "small" }, t("import.reading")));
        try {
          const text = kind === "folders" ? "" : await readText(FS, file.files[0]);
          const answer = await FS.api("/import/preview", { kind, text });
          if (mine === asked) { found = answer; keep = "mine"; draw(); }
        } catch (error) { if (mine === asked) shown.replaceChildren(FS.errorBox(error)); }
      }
      async function send() {
        yes.disabled = true;
        yes.textContent = t("import.saving");
        try { close(await FS.api("/import/commit", { token: found.token, keep, desk: store.desk || "" })); }
        catch (error) { found = null; draw(); shown.replaceChildren(FS.errorBox(error)); }
      }
      function draw() {
        const n = !found ? 0 : keep === "theirs" ? found.images : found.images - found.conflicts.count;
        yes.disabled = n === 0;
        yes.textContent = n ? counted("import.yes", n) : t("import.yes_none");
        shown.replaceChildren(...(found ? preview(FS, found, keep, n, (whose) => { keep = whose; draw(); }) : []));
      }
      choose(kind);
      FS.dialog(t("import.title"), el("div", { class: "li-body" }, source, picker, shown), (done) => {
        close = done;
        return [el("button", { class: "btn", type: "button", onclick: () => done() }, t("dialog.cancel")), yes];
      }).then((done) => { asked++; if (done) finished(done); });
    }

    async function finished(done) {
      const back = async () => {
        try {
          const { images } = await FS.api("/import/undo", { batch: done.batch, classes: done.new_classes });
          FS.toast(counted("import.undone", images));
          await refresh();
        } catch (error) { FS.toast(error); }
      };
      store.offer(counted("import.done", done.images), back);
      await refresh().catch(FS.toast);
    }
    async function refresh() { // the labels, and the steps that undo knows
      await store.load();
      if (store.older) await store.older();
    }
  }

  // -------------------------------------------------------------- what would happen
  function preview(FS, found, keep, n, choose) {
    const counted = (...words) => window.FactLabelParts.counted(FS, ...words), el = FS.el, t = FS.t;
    const say = (key, count) => (count ? el("p", {}, counted(key, count)) : "");
    const files = ({ count, first }) => (count > first.length ? t("import.and_more", { files: first.join(", "), n: FS.fmt.int(count - first.length) }) : first.join(", "));
    const warn = (key, told) => (told.count ? el("p", { class: "note warn" }, counted(key, told.count, { files: files(told) })) : "");
    const radio = (whose) => el("label", { class: "li-keep" }, el("input", { type: "radio", name: "li-keep", value: whose, checked: keep === whose, onchange: () => choose(whose) }), t(`import.${whose}`));
    const fresh = found.images - found.conflicts.count, clash = found.conflicts.count;
    return [
      found.images ? say("import.new", fresh) : el("p", {}, t("import.nothing")),
      clash ? el("fieldset", { class: "li-keeps" }, el("legend", {}, counted("import.conflicts", clash)), radio("mine"), radio("theirs")) : "",
      say("import.same", found.already_same), say("import.skipped", found.skipped),
      warn("import.unknown", found.unknown), warn("import.ambiguous", found.ambiguous), warn("import.differing", found.differing),
      found.images ? classList(FS, found) : "", found.images ? table(FS, found, keep) : "",
    ].filter(Boolean);
  }
  const classOf = (FS, name) => (FS.state.classes || []).find((each) => each.name === name);
  const mark = (FS, name) => (classOf(FS, name) ? FS.classMark(classOf(FS, name)) : FS.el("span", { class: "mark", "aria-hidden": "true" }));

  function classList(FS, found) {
    const el = FS.el, t = FS.t, fresh = new Set(found.new_classes), more = found.classes_count - found.classes.length;
    return el("div", {}, el("h2", {}, t("import.classes")), el("ul", { class: "li-classes" },
      found.classes.map(({ name, count }) => el("li", { class: "tag" }, mark(FS, name), el("span", { class: "clip", dir: "auto", title: name }, name), FS.fmt.int(count), fresh.has(name) ? el("b", {}, t("import.class_new")) : "")),
      more > 0 ? el("li", { class: "small" }, t("import.more_classes", { n: FS.fmt.int(more) })) : ""));
  }
  function table(FS, found, keep) {
    const el = FS.el, t = FS.t, clash = found.conflicts.count > 0;
    const rows = [...found.conflicts.first, ...found.rows.filter((each) => !each.mine)].slice(0, 20);
    const cell = (name, off) => el("span", { class: `li-label${off ? " li-off" : ""}` }, mark(FS, name), el("span", { class: "clip", dir: "auto", title: name }, name));
    return el("div", {}, el("h2", {}, t("import.first")), el("table", {},
      el("thead", {}, el("tr", {}, el("th", { scope: "col", colspan: "2" }, t("import.image")), clash ? el("th", { scope: "col" }, t("import.now")) : "", el("th", { scope: "col" }, t("import.label")))),
      el("tbody", {}, rows.map((each) => el("tr", {},
        el("td", { class: "li-pic" }, el("img", { class: "thumb", src: FS.thumb(each.id), alt: "", width: "32", height: "32", loading: "lazy" })),
        el("td", { class: "li-path" }, el("span", { class: "clip", title: each.path }, each.path)),
        clash ? el("td", {}, each.mine ? cell(each.mine, keep === "theirs") : "") : "",
        el("td", {}, cell(each.label, each.mine && keep === "mine")))))));
  }

  window.FactLabelImport = { create, readText };
})();
