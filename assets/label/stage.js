// Parts of the label page: the picture with its zoom, the strip of the queue, the list of classes, the key sheet.
// Names of classes and files are written as text only.
(function () {
  "use strict";

  const AHEAD = 6, KEEP = 16, LARGEST_ZOOM = 32;

  // Buttons take no focus from the mouse: Space must go on meaning "skip".
  function calm(button) {
    button.addEventListener("mousedown", (event) => event.preventDefault());
    return button;
  }

  // -------------------------------------------------------------- the picture
  function createStage(FS, host, told) {
    const loaded = new Map(); // id -> img, decoded ahead; the oldest leave first
    const frame = FS.el("div", { class: "lb-frame" });
    const trouble = FS.el("p", { class: "lb-trouble", hidden: true });
    host.append(frame, trouble);
    let now = null, zoom = 0, pan = { x: 0, y: 0 }, smooth = true, drag = null, coming = null;

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

    const room = { w: host.clientWidth, h: host.clientHeight }; // asked for only when it changes: each question costs a layout
    function fitted(item = now) {
      const w = Math.max(room.w - (room.w < 480 ? 0 : 32), 32);
      const h = Math.max(room.h - 32, 32);
      const most = Math.max(512, 0.62 * Math.min(w, h));
      return Math.min(w / item.w, h / item.h, 4, most / Math.max(item.w, item.h));
    }
    function layout() {
      if (!now || !now.w || !now.h) return;
      const scale = zoom || fitted(), img = image(now.id);
      const w = now.w * scale, h = now.h * scale;
      const most = { x: Math.max(0, (w - room.w) / 2), y: Math.max(0, (h - room.h) / 2) };
      pan.x = Math.max(-most.x, Math.min(most.x, pan.x));
      pan.y = Math.max(-most.y, Math.min(most.y, pan.y));
      img.style.width = `${w}px`;
      img.style.height = `${h}px`;
      img.style.transform = `translate(${pan.x}px, ${pan.y}px)`;
      img.style.imageRendering = smooth ? "auto" : "pixelated";
      host.classList.toggle("lb-pannable", most.x > 0 || most.y > 0);
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
      img.classList.remove("lb-next");
      layout();
      for (const other of [...frame.children]) if (other !== img) other.remove();
      if (!img.isConnected) frame.append(img); // one that lies there already is painted: it only has to be seen
    }
    // The next image lies on the stage as it will be shown, painted and not seen.
    function prepare(item) {
      coming = item;
      if (!item || !now || item.id === now.id || !item.w || !item.h) return;
      const img = image(item.id), scale = fitted(item);
      for (const other of [...frame.querySelectorAll(".lb-next")]) if (other !== img) other.remove();
      img.classList.add("lb-next");
      img.style.width = `${item.w * scale}px`;
      img.style.height = `${item.h * scale}px`;
      img.style.transform = "translate(0px, 0px)";
      img.style.imageRendering = smooth ? "auto" : "pixelated";
      if (!img.isConnected) frame.append(img);
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
    const watcher = new ResizeObserver(() => { Object.assign(room, { w: host.clientWidth, h: host.clientHeight }); layout(); prepare(coming); });
    watcher.observe(host);

    return {
      show,
      ahead(items) { // in the likeliest order; what was passed by before it came is not waited for
        const wanted = new Set([...new Set(items.map((item) => item.id))].slice(0, AHEAD));
        for (const [id, img] of loaded) {
          if (img.complete || wanted.has(id) || (now && now.id === id)) continue;
          img.onerror = null;
          img.removeAttribute("src"); // ends the request
          loaded.delete(id);
        }
        wanted.forEach(image);
        prepare(items[0] || null);
      },
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
    let wide = host.clientWidth, middle = null, asked = 0, shown = null; // what was drawn last
    new ResizeObserver(() => { wide = host.clientWidth; if (shown) draw(...shown); }).observe(host);
    function centre() { // once a frame, when all else is drawn: it needs the layout
      asked = asked || requestAnimationFrame(() => {
        asked = 0;
        host.scrollLeft = middle ? middle.offsetLeft + middle.offsetWidth / 2 - host.clientWidth / 2 : 0;
      });
    }
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
    function draw(store, at) {
      shown = [store, at];
      const each = 52, side = Math.max(2, Math.ceil(wide / each / 2)), tilesNow = [];
      for (let i = Math.max(0, at - side); i < Math.min(store.entries.length, at + side + 1); i++) {
        const entry = store.entries[i], made = tile(entry), state = store.stateOf(entry.id);
        const given = state && state.kind === "label" ? store.classOf(state.class) : null;
        made.dataset.state = state ? state.kind : "";
        made.style.setProperty("--bar", given ? FS.classColor(given) : "transparent");
        if (i === at) made.setAttribute("aria-current", "true"); else made.removeAttribute("aria-current");
        const name = given ? given.name : FS.t(`label.state_${state ? state.kind : "open"}`);
        made.setAttribute("aria-label", `${FS.t("label.number", { n: i + 1, total: store.entries.length })}, ${name}`);
        made.title = name;
        tilesNow.push(made);
      }
      arrange(host, tilesNow);
      middle = tiles.get((store.entries[at] || {}).id) || null;
      centre();
      if (tiles.size > 400) for (const [id, node] of tiles) if (!node.isConnected) tiles.delete(id);
    }
    return { draw };
  }

  function arrange(host, nodes) { // touches only what differs
    const same = nodes.length === host.childNodes.length && nodes.every((node, i) => host.childNodes[i] === node);
    if (same) return;
    const held = host.contains(document.activeElement) ? document.activeElement : null; // a moved node loses the focus
    host.replaceChildren(...nodes);
    if (held && held.isConnected && held !== document.activeElement) held.focus({ preventScroll: true });
  }
  // A sentence with a number: KEY_none, KEY_one or KEY, whichever there is.
  function counted(FS, key, n, vars = {}) {
    const own = n === 0 ? `${key}_none` : n === 1 ? `${key}_one` : key;
    return FS.t(FS.knows(own) ? own : key, { n: FS.fmt.int(n), ...vars });
  }

  // -------------------------------------------------------------- "?"
  function keyList(FS) {
    const rows = ["give", "zero", "accept", "letters", "arrows", "skip", "undo", "redo", "flag", "clear", "add", "view", "mark", "escape", "zoom", "sheet"];
    const list = FS.el("dl", { class: "lb-keys" });
    for (const each of rows) list.append(FS.el("dt", {}, FS.el("kbd", {}, FS.t(`label.key_${each}`))), FS.el("dd", {}, FS.t(`label.does_${each}`)));
    return list;
  }

  window.FactLabelParts = { calm, createStage, createStrip, keyList, arrange, counted };
})();
