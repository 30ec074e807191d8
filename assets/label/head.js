// The head of the label page: how far one is, the pace, what is saved and what waits.
(function () {
  "use strict";

  const PACE = 6; // seconds an image, until the person's own pace is known
  const STAYS = 10000, BREATH = 600; // ms that a notice stays; within the second no key closes it: that one was meant for an image

  function create(FS, parts, store) {
    const t = FS.t, el = FS.el;
    parts.undo.disabled = parts.redo.disabled = true; // until the steps are known
    let paces = [], celebrated = "", timer = 0, since = 0;

    function tally(role) {
      const of = store.entries.filter((entry) => entry.role === role), count = { total: of.length, label: 0, skip: 0, flag: 0 };
      for (const entry of of) { const state = store.stateOf(entry.id); if (state) count[state.kind]++; }
      count.open = count.total - count.label - count.skip - count.flag;
      return count;
    }
    function draw(now) { // now: the image that is shown, or null
      const picks = tally("pick"), checks = tally("audit"), shown = now && now.at >= 0 ? now.role : "";
      const checking = shown ? shown === "audit" : picks.open === 0 && checks.total > 0; // the figures are of what is shown
      const main = checking ? checks : picks;
      let labels = 0 - checks.label; // all that are trained on, also those beside the chosen images; -0 would be written so
      for (const each of store.classes) labels += store.counts.get(each.id) || 0;
      const kinds = store.classes.filter((each) => store.counts.get(each.id) > 0).length;
      parts.done.textContent = FS.fmt.int(main.label);
      parts.of.textContent = t(checking ? "label.of_checks" : "label.of", { total: FS.fmt.int(main.total) });
      parts.meter.style.width = `${(100 * (main.total - main.open)) / Math.max(1, main.total)}%`;
      const pace = paces.length ? [...paces].sort((a, b) => a - b)[paces.length >> 1] : PACE, notes = [], more = [];
      const skipped = picks.skip + checks.skip, ended = picks.open === 0 && checks.open === 0;
      if (main.open) notes.push(t("label.left", { time: FS.fmt.time(Math.max(60, Math.ceil((main.open * pace) / 60) * 60)) }));
      if (skipped && !ended) notes.push(t("label.n_skipped", { n: skipped }));
      if (main.flag) notes.push(t("label.n_flagged", { n: main.flag }));
      // What is good to know but not now stands behind the pointer.
      if (paces.length > 4 && main.open) more.push(t("label.an_hour", { n: FS.fmt.int(Math.round(3600 / Math.max(pace, 0.1) / 10) * 10) }));
      if (labels > picks.label) more.push(t("label.beside", { n: FS.fmt.int(labels - picks.label) }));
      if (!checking && picks.open && checks.total) more.push(t("label.then_checks", { n: checks.total }));
      parts.facts.textContent = notes.join(", ");
      parts.facts.title = [...notes, ...more].join(", ");
      parts.skipped.hidden = !skipped || !ended;
      if (parts.skipped.dataset.n !== String(skipped)) { parts.skipped.dataset.n = skipped; parts.skipped.replaceChildren(...goBack(skipped)); }
      parts.tally.title = checks.label ? t("label.train_hint", { n: FS.fmt.int(checks.label) }) : "";
      parts.tally.textContent = checks.label ? t("label.labels_check", { n: FS.fmt.int(checks.label) }) : t("label.labels");
      parts.long.textContent = t(labels === 1 ? "label.train_one" : "label.train", { n: FS.fmt.int(labels) });
      parts.train.className = `btn ${picks.open === 0 && checks.open === 0 ? "primary" : "tinted"}`;
      parts.train.disabled = labels === 0 || kinds < 2;
      parts.train.title = kinds < 2 ? t("label.train_two") : checks.label ? t("label.train_hint", { n: FS.fmt.int(checks.label) }) : "";
      const held = document.activeElement;
      parts.undo.disabled = !store.undoable.length && !store.offered;
      parts.redo.disabled = !store.redoable.length;
      if (held && held.disabled) ({ undo: parts.redo, redo: parts.undo })[held.dataset.act]?.focus(); // a button that is turned off loses the focus
      notice(picks, checks, skipped);
      sync();
    }
    function notice(picks, checks, skipped) {
      let text = "";
      if (store.entries.length && picks.open === 0) {
        const done = t(picks.label === picks.total ? "label.all_done" : "label.all_seen", { n: picks.label, total: picks.total });
        if (checks.open === checks.total && checks.total) text = `${done} ${t("label.next_checks", { n: checks.total })}`;
        else if (checks.open === 0) text = `${done} ${t("label.then_train")}`;
      }
      if (text === celebrated) return;
      celebrated = text;
      clearTimeout(timer);
      parts.notice.hidden = !text;
      if (!text) return;
      const button = (act, ...inside) => el("button", { type: "button", "data-act": act, ...(act === "hideNotice" ? { class: "btn icon", "aria-label": t("dialog.close") } : { class: "link" }) }, inside);
      parts.notice.replaceChildren(el("span", {}, text), checks.open === 0 && skipped ? button("endSkipped", goBack(skipped)) : "", button("hideNotice", FS.icon("x")));
      timer = setTimeout(hush, STAYS);
      since = performance.now();
    }
    // It is read once: the next key, or a while, closes it.
    function hush() { clearTimeout(timer); parts.notice.hidden = true; }
    const onKey = (event) => { if (!parts.notice.hidden && !parts.notice.contains(event.target) && performance.now() - since > BREATH) hush(); };
    document.addEventListener("keydown", onKey, true);
    const goBack = (n) => [t("label.n_skipped", { n: FS.fmt.int(n) }), el("span", {}, `: ${t(n === 1 ? "label.to_skipped_one" : "label.to_skipped")}`)];
    function number(item) {
      const of = store.entries.filter((entry) => entry.role === item.role), n = of.findIndex((entry) => entry.id === item.id) + 1;
      return t(item.role === "audit" ? "label.check_number" : "label.number", { n, total: of.length });
    }
    function sync() {
      const { waiting, offline, trouble } = store.sync, node = parts.sync;
      const state = !waiting ? "saved" : offline ? "waiting" : "saving"; // "saved" is never said of what is still on its way
      if (node.dataset.state !== state || state !== "saved") {
        node.dataset.state = state;
        const icon = { saved: "check", saving: "arrows", waiting: "warn" }[state] || "check";
        node.replaceChildren(FS.icon(icon), el("span", {}, t(`label.sync_${state}`, { n: waiting })));
      }
      parts.offline.hidden = state !== "waiting";
      if (state !== "waiting") return;
      parts.offline.textContent = trouble ? `${trouble} ${t("label.waiting_here", { n: waiting })}` : t(waiting === 1 ? "label.offline_one" : "label.offline", { n: waiting });
    }

    return { draw, sync, number, hush, destroy() { clearTimeout(timer); document.removeEventListener("keydown", onKey, true); }, pace(seconds) { paces = [...paces.slice(-19), Math.min(seconds, 60)]; } };
  }

  window.FactLabelHead = { create };
})();
