// The list of classes on the Label page: rows that give a class, their menu, dragging, adding.
// Names are written as text only. What changes classes lies in label_class_acts.js.
(function () {
  "use strict";

  const FAR = 6; // px that a row is moved before it counts as dragged

  function editor(FS, value, label, done) {
    const input = FS.el("input", { type: "text", class: "lb-edit", maxlength: "200", "aria-label": label, placeholder: label,
      spellcheck: "false", autocomplete: "off" });
    input.value = value;
    let over = false;
    const end = (text) => { if (!over) { over = true; done(text); } };
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter") end(input.value.trim());
      else if (event.key === "Escape") end("");
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    input.addEventListener("blur", () => end(input.value.trim()));
    queueMicrotask(() => { input.focus(); input.select(); });
    return input;
  }

  // Rows stay the same nodes while their numbers change: a click that is under way is never lost.
  function create(FS, host, store, { give, draw: redraw }) {
    const { calm, arrange } = window.FactLabelParts, t = FS.t, el = FS.el;
    const acts = window.FactClassActs.create(FS, store);
    const rows = new Map(); // class id -> its row
    let editing = null; // "new", or the id of a class
    let dragged = null; // the line that the person moves
    const edit = (what) => { editing = what; redraw(); };
    const finish = (work) => { editing = null; redraw(); return work; };
    const of = store.classOf;
    const place = (id) => store.classes.findIndex((each) => each.id === id);

    const plain = (key, sign, act, ...caps) => el("li", { class: "lb-class" }, calm(el("button", { type: "button", class: "lb-give lb-add", onclick: act },
      caps, el("span", { class: "lb-plus", "aria-hidden": "true" }, sign), t(key))));
    const caps = (...keys) => el("span", { class: "lb-caps" }, keys.filter(Boolean).map((key) => el("kbd", {}, key)));
    const last = plain("label.add_class", "+", () => edit("new"), caps("N"));
    const listing = plain("classes.list", "", acts.list, caps());
    const numbered = (index) => (index < 10 ? String((index + 1) % 10) : "");

    // -------------------------------------------------------------- rows
    function row(id) {
      if (rows.has(id)) return rows.get(id);
      const made = { caps: caps(), mark: FS.mark(0), name: el("span", { class: "lb-name", dir: "auto" }),
        needs: el("span", { class: "lb-needs" }), count: el("span", { class: "lb-count" }), stamp: "" };
      made.give = calm(el("button", { type: "button", class: "lb-give", onclick: () => give(id) }, made.caps, made.mark, el("span", { class: "lb-called" }, made.name, made.needs), made.count));
      made.more = el("button", { type: "button", class: "btn icon lb-more", "aria-haspopup": "menu", onclick: () => menu(id) }, FS.icon("more"));
      made.line = el("li", { class: "lb-class", dataset: { id } }, made.give, made.more);
      made.line.addEventListener("contextmenu", (event) => { event.preventDefault(); menu(id); });
      made.line.addEventListener("pointerdown", (event) => drag(event, made));
      made.line.addEventListener("keydown", (event) => keys(event, id));
      rows.set(id, made);
      return made;
    }
    function update(each, index, current, begun) {
      const made = row(each.id), count = store.counts.get(each.id) || 0, given = current === each.id;
      const stamp = JSON.stringify([each.name, each.colour, each.key, index < 10 && index, count, given, begun]);
      if (stamp === made.stamp) return made.line; // thousands of rows are drawn after every key
      made.stamp = stamp;
      made.caps.replaceChildren(...[numbered(index), each.key.toUpperCase()].filter(Boolean).map((key) => el("kbd", {}, key)));
      made.mark.className = `mark ${FS.classShape(each)}`;
      made.mark.style.setProperty("--mark", FS.classColor(each));
      made.name.textContent = made.name.title = each.name;
      made.needs.textContent = count === 1 ? t("label.needs_one") : begun && !count ? t("label.needs_two") : "";
      made.count.textContent = FS.fmt.int(count);
      made.give.setAttribute("aria-pressed", String(given));
      made.more.setAttribute("aria-label", t("classes.menu", { name: each.name }));
      made.more.title = t("classes.menu", { name: each.name });
      return made.line;
    }
    const editLine = (each, index) => el("li", { class: "lb-class" }, caps(numbered(index)), FS.classMark(each),
      editor(FS, each.name, t("label.rename"), (name) => finish(name && name !== each.name && acts.rename(each.id, name))));
    const newLine = () => el("li", { class: "lb-class" }, caps("N"), el("span", { class: "lb-plus" }, "+"),
      editor(FS, "", t("label.new_class"), (name) => finish(name && acts.add(name))));

    // -------------------------------------------------------------- menu, keys, dragging
    function menu(id) {
      const each = of(id), at = place(id), n = store.classes.length;
      if (!each) return;
      FS.menu(row(id).more, [
        { text: t("classes.rename"), icon: "edit", key: t("classes.cap_rename"), act: () => edit(id) },
        { text: t("classes.colour"), act: () => acts.colour(of(id) || each) },
        { text: t("classes.key"), key: each.key.toUpperCase(), act: () => acts.key(of(id) || each) },
        null,
        { text: t("classes.up"), key: t("classes.cap_up"), disabled: at === 0, act: () => move(id, -1) },
        { text: t("classes.down"), key: t("classes.cap_down"), disabled: at === n - 1, act: () => move(id, 1) },
        null,
        { text: t("classes.merge"), disabled: n < 2, act: () => acts.merge(of(id) || each) },
        { text: t("classes.delete"), icon: "trash", act: () => acts.remove(of(id) || each) },
      ]);
    }
    function keys(event, id) {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (event.altKey && step) move(id, step);
      else if (event.key === "F2" && !event.altKey && !event.ctrlKey) edit(id);
      else return;
      event.preventDefault();
      event.stopPropagation();
    }
    async function move(id, step) {
      const order = store.classes.map((each) => each.id), from = order.indexOf(id), to = from + step;
      if (from < 0 || to < 0 || to >= order.length) return;
      [order[from], order[to]] = [order[to], order[from]];
      const focused = document.activeElement === row(id).more ? row(id).more : row(id).give;
      await acts.reorder(order);
      focused.focus(); // a moved node loses it
    }
    function drag(event, made) {
      if (event.button || event.pointerType === "touch" || made.more.contains(event.target) || getComputedStyle(host).display === "grid") return;
      const start = event.clientY, before = orderNow();
      function moved(now) {
        if (!dragged && Math.abs(now.clientY - start) < FAR) return;
        dragged = made.line;
        host.classList.add("lb-dragging");
        dragged.classList.add("lb-dragged");
        const others = [...host.querySelectorAll("li[data-id]")].filter((line) => line !== dragged);
        const next = others.find((line) => now.clientY < line.getBoundingClientRect().top + line.offsetHeight / 2) || last;
        if (dragged.nextSibling !== next) host.insertBefore(dragged, next);
        dragged.scrollIntoView({ block: "nearest" });
      }
      async function ended(now) {
        removeEventListener("pointermove", moved);
        for (const end of ["pointerup", "pointercancel"]) removeEventListener(end, ended);
        if (!dragged) return;
        const order = now.type === "pointerup" ? orderNow() : before;
        host.classList.remove("lb-dragging");
        dragged.classList.remove("lb-dragged");
        host.addEventListener("click", swallow, true); // the click that ends a drag gives no class
        setTimeout(() => host.removeEventListener("click", swallow, true));
        if (String(order) !== String(before)) await acts.reorder(order);
        dragged = null;
        redraw();
      }
      addEventListener("pointermove", moved);
      for (const end of ["pointerup", "pointercancel"]) addEventListener(end, ended);
    }
    const orderNow = () => [...host.querySelectorAll("li[data-id]")].map((line) => Number(line.dataset.id));
    const swallow = (event) => { event.stopPropagation(); event.preventDefault(); };

    return {
      draw(_store, current) {
        if (dragged || (editing !== null && host.querySelector("input"))) return; // never under the person's hands
        const begun = [...store.counts.values()].some((n) => n > 0);
        const lines = store.classes.map((each, i) => (editing === each.id ? editLine(each, i) : update(each, i, current, begun)));
        host.classList.toggle("lb-twokeys", store.classes.some((each, i) => each.key && i < 10));
        arrange(host, [...lines, editing === "new" ? newLine() : last, listing]);
        if (rows.size > store.classes.length + 50) for (const id of rows.keys()) if (place(id) < 0) rows.delete(id);
      },
      add() { edit("new"); },
      flash(id) {
        const { line } = row(id);
        line.classList.add("lb-given");
        setTimeout(() => line.classList.remove("lb-given"), 120);
      },
    };
  }

  window.FactLabelClasses = { create };
})();
