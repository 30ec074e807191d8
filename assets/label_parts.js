// Parts of the label page: the picture with its zoom, the strip of the queue, the list of classes, the key sheet.
// Names of classes and files are written as text only.
(function () {
  "use strict";

  const AHEAD = 4, KEEP = 16, LARGEST_ZOOM = 32;

  // Buttons take no focus from the mouse: Space must go on meaning "skip".
  function calm(button) {
    button.addEventListener("mousedown", (event) => event.preventDefault());
    return button;
  }

  function iconButton(FS, icon, title, act) {
    const button = FS.el("button", { type: "button", class: "btn icon", title, "aria-label": title }, FS.icon(icon));
    button.addEventListener("click", act);
    return button;
  }

  // -------------------------------------------------------------- the picture
  function createStage(FS, host, told) {
    const loaded = new Map(); // id -> img, decoded ahead; the oldest leave first
    const frame = FS.el("div", { class: "lb-frame" });
    const trouble = FS.el("p", { class: "lb-trouble", hidden: true });
    host.append(frame, trouble);
    let now = null, zoom = 0, pan = { x: 0, y: 0 }, smooth = true, drag = null;

    const address = (id, full) => FS.image(id, full ? 0 : 1024);
    function image(id) {
      let img = loaded.get(id);
      if (!img) {
        img = FS.el("img", { class: "lb-image", draggable: "false", decoding: "async", alt: "" });
        img.onerror = () => { loaded.delete(id); if (now && now.id === id) fail(); };
        img.src = address(id, false);
        img.decode().catch(() => {});
        loaded.set(id, img);
        if (loaded.size > KEEP) loaded.delete(loaded.keys().next().value);
      }
      return img;
    }
    function fail() {
      trouble.textContent = FS.t(document.body.classList.contains("fs-offline") ? "label.image_offline" : "label.unreadable");
      trouble.hidden = false;
    }
    function retry(event) { if (!event.detail && !trouble.hidden && now) show(now); }
    document.addEventListener("fs:offline", retry);

    function fitted() {
      const w = Math.max(host.clientWidth - (host.clientWidth < 480 ? 0 : 32), 32);
      const h = Math.max(host.clientHeight - 32, 32);
      const most = Math.max(512, 0.62 * Math.min(w, h));
      return Math.min(w / now.w, h / now.h, 4, most / Math.max(now.w, now.h));
    }
    function layout() {
      if (!now || !now.w || !now.h) return;
      const scale = zoom || fitted(), img = image(now.id);
      const w = now.w * scale, h = now.h * scale;
      const room = { x: Math.max(0, (w - host.clientWidth) / 2), y: Math.max(0, (h - host.clientHeight) / 2) };
      pan.x = Math.max(-room.x, Math.min(room.x, pan.x));
      pan.y = Math.max(-room.y, Math.min(room.y, pan.y));
      img.style.width = `${w}px`;
      img.style.height = `${h}px`;
      img.style.transform = `translate(${pan.x}px, ${pan.y}px)`;
      img.style.imageRendering = smooth ? "auto" : "pixelated";
      host.classList.toggle("lb-pannable", room.x > 0 || room.y > 0);
      if (zoom && Math.max(w, h) > 1024 && Math.max(now.w, now.h) > 1024 && !img.dataset.full) {
        img.dataset.full = "1";
        img.src = address(now.id, true);
      }
      told({ scale, fit: !zoom, smooth });
    }
    function zoomTo(scale) { zoom = Math.min(LARGEST_ZOOM, Math.max(0.05, scale)); layout(); }
    function zoomBy(factor) { if (now) zoomTo((zoom || fitted()) * factor); }

    function show(item) {
      now = item;
      zoom = 0;
      pan = { x: 0, y: 0 };
      trouble.hidden = true;
      if (!item) return frame.replaceChildren();
      const img = image(item.id);
      loaded.delete(item.id);
      loaded.set(item.id, img);
      img.alt = item.path;
      layout();
      frame.replaceChildren(img);
    }

    host.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoomBy(Math.exp(-Math.max(-200, Math.min(200, event.deltaY)) * 0.002));
    }, { passive: false });
    host.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      drag = { x: event.clientX - pan.x, y: event.clientY - pan.y };
      host.setPointerCapture(event.pointerId);
    });
    host.addEventListener("pointermove", (event) => {
      if (!drag) return;
      pan = { x: event.clientX - drag.x, y: event.clientY - drag.y };
      layout();
    });
    for (const end of ["pointerup", "pointercancel"]) host.addEventListener(end, () => { drag = null; });
    const watcher = new ResizeObserver(layout);
    watcher.observe(host);

    return {
      show,
      ahead(ids) { ids.slice(0, AHEAD).forEach(image); },
      fit() { zoom = 0; layout(); },
      actual() { zoomTo(1); },
      zoomBy,
      smooth() { smooth = !smooth; layout(); },
      destroy() { watcher.disconnect(); document.removeEventListener("fs:offline", retry); },
    };
  }

  // -------------------------------------------------------------- the queue as a strip of small pictures
  function createStrip(FS, host, pick) {
    const tiles = new Map();
    function tile(entry) {
      let made = tiles.get(entry.id);
      if (!made) {
        const img = FS.el("img", { src: FS.thumb(entry.id), alt: "", draggable: "false" });
        made = calm(FS.el("button", { type: "button", class: "lb-tile" }, img));
        made.addEventListener("click", () => pick(entry.id));
        tiles.set(entry.id, made);
      }
      return made;
    }
    return {
      draw(store, at, classIndex) {
        const each = 52, side = Math.max(2, Math.ceil(host.clientWidth / each / 2));
        const shown = [];
        for (let i = Math.max(0, at - side); i < Math.min(store.entries.length, at + side + 1); i++) {
          const entry = store.entries[i], made = tile(entry), state = store.stateOf(entry.id);
          const index = state && state.kind === "label" ? classIndex(state.class) : -1;
          made.dataset.state = state ? state.kind : "";
          made.style.setProperty("--bar", index >= 0 ? FS.color(index) : "transparent");
          made.toggleAttribute("aria-current", i === at);
          const name = index >= 0 ? store.classes[index].name : FS.t(`label.state_${state ? state.kind : "open"}`);
          made.setAttribute("aria-label", `${FS.t("label.number", { n: i + 1, total: store.entries.length })}, ${name}`);
          made.title = name;
          shown.push(made);
        }
        arrange(host, shown);
        const middle = tiles.get((store.entries[at] || {}).id);
        host.scrollLeft = middle ? middle.offsetLeft + middle.offsetWidth / 2 - host.clientWidth / 2 : 0;
        if (tiles.size > 400) for (const [id, node] of tiles) if (!node.isConnected) tiles.delete(id);
      },
    };
  }

  // -------------------------------------------------------------- the list of classes
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
  function createClasses(FS, host, act) {
    const rows = new Map(); // class id -> its row
    let editing = null; // "new", or the id of a class
    const finish = (work) => { editing = null; act.draw(); return work; };
    const adder = FS.el("button", { type: "button", class: "lb-give lb-add", onclick: () => { editing = "new"; act.draw(); } },
      keycap(FS, "N"), FS.el("span", { class: "lb-plus", "aria-hidden": "true" }, "+"), FS.t("label.add_class"));
    const last = FS.el("li", { class: "lb-class" }, adder);

    function row(id) {
      if (!rows.has(id)) {
        const made = { key: keycap(FS, ""), mark: FS.mark(0), name: FS.el("span", { class: "lb-name", dir: "auto" }),
          needs: FS.el("span", { class: "lb-needs" }), count: FS.el("span", { class: "lb-count" }) };
        made.give = calm(FS.el("button", { type: "button", class: "lb-give", onclick: () => act.give(id) },
          made.key, made.mark, made.name, made.needs, made.count));
        made.line = FS.el("li", { class: "lb-class" }, made.give,
          iconButton(FS, "edit", FS.t("label.rename"), () => { editing = id; act.draw(); }));
        rows.set(id, made);
      }
      return rows.get(id);
    }
    function update(each, index, store, current) {
      const made = row(each.id), count = store.counts.get(each.id) || 0, key = index < 10 ? String((index + 1) % 10) : "";
      text(made.key, key);
      made.key.className = key ? "" : "lb-nokey";
      made.mark.className = `mark ${FS.shape(index)}`;
      made.mark.style.setProperty("--mark", FS.color(index));
      text(made.name, each.name);
      made.name.title = each.name;
      text(made.needs, count === 1 ? FS.t("label.needs_one") : "");
      text(made.count, FS.fmt.int(count));
      made.give.setAttribute("aria-pressed", String(current === each.id));
      return made.line;
    }
    function editLine(each, index) {
      return FS.el("li", { class: "lb-class" }, keycap(FS, index < 10 ? String((index + 1) % 10) : ""), FS.mark(index),
        editor(FS, each.name, FS.t("label.rename"), (name) => finish(name && name !== each.name && act.rename(each.id, name))));
    }
    const newLine = () => FS.el("li", { class: "lb-class" }, keycap(FS, "N"), FS.el("span", { class: "lb-plus" }, "+"),
      editor(FS, "", FS.t("label.new_class"), (name) => finish(name && act.add(name))));

    return {
      draw(store, current) {
        if (editing !== null && host.querySelector("input")) return; // never under the person's hands
        const lines = store.classes.map((each, i) => (editing === each.id ? editLine(each, i) : update(each, i, store, current)));
        arrange(host, [...lines, editing === "new" ? newLine() : last]);
      },
      add() { editing = "new"; act.draw(); },
      flash(id) {
        const { line } = row(id);
        line.classList.add("lb-given");
        setTimeout(() => line.classList.remove("lb-given"), 120);
      },
    };
  }
  function text(node, value) { if (node.textContent !== value) node.textContent = value; }
  function arrange(host, nodes) { // touches only what differs
    const same = nodes.length === host.childNodes.length && nodes.every((node, i) => host.childNodes[i] === node);
    if (!same) host.replaceChildren(...nodes);
  }
  const keycap = (FS, key) => FS.el("kbd", { class: key ? "" : "lb-nokey" }, key);

  // -------------------------------------------------------------- "?"
  function keyList(FS) {
    const rows = ["give", "zero", "accept", "letters", "arrows", "skip", "undo", "redo", "flag", "clear", "add", "view", "mark", "escape", "zoom", "sheet"];
    const list = FS.el("dl", { class: "lb-keys" });
    for (const each of rows) list.append(FS.el("dt", {}, FS.el("kbd", {}, FS.t(`label.key_${each}`))), FS.el("dd", {}, FS.t(`label.does_${each}`)));
    return list;
  }

  window.FactLabelParts = { calm, iconButton, createStage, createStrip, createClasses, keyList };
})();
