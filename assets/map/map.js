// The map of the pool: dots below, marks on a 2-D overlay above. Pan, wheel zoom, pinch, hover, click.
//   const map = FactMap.create(host, {onPick(id), describe(id) -> {title, line, hint, colour} | null, label, onSelect(rows), name})
//   map.follow(state.map)   loads the picture when it is new; the view stays unless the picture is another one
//   map.setMarks([{id, shape: "ring|disc|dot|pick|check|gap|cross|flag", colour, form}]), map.setCurrent(id), map.paint(...)
//   map.setTool("lasso" | "box" | ""), map.select(ids): the dots of a loop or box, shown against the paler rest
//   name: under it the view is kept over a reload of the window
// Colours are CSS values, variables included, read again when the theme changes.
(function () {
  "use strict";

  const REACH = 12; // px within which a click means a dot
  const CROWD = 100000, FAINT = 90; // from so many dots on they are let through (0..255), so that overlaps show as density
  const PALE = 0.25; // share of its strength that a dot keeps beside a selection

  function resolver(host) {
    const known = new Map();
    return {
      forget() { known.clear(); },
      css(value) {
        if (!known.has(value)) {
          const name = /^var\((--[\w-]+)\)$/.exec(value);
          known.set(value, name ? getComputedStyle(host).getPropertyValue(name[1]).trim() || "#888" : value);
        }
        return known.get(value);
      },
    };
  }

  function rgba(css, pen) {
    pen.clearRect(0, 0, 1, 1);
    pen.fillStyle = css;
    pen.fillRect(0, 0, 1, 1);
    return pen.getImageData(0, 0, 1, 1).data;
  }

  function create(host, options) {
    const FS = window.FS, el = FS.el;
    const base = el("canvas", { class: "fm-base", "aria-hidden": "true" });
    const top = el("canvas", { class: "fm-top", role: "img", "aria-label": options.label || "" });
    const card = el("div", { class: "fm-card", hidden: true });
    const note = el("p", { class: "fm-note", hidden: true });
    const hint = el("p", { class: "fm-note fm-wheel", hidden: true }, FS.t("map.wheel"));
    host.classList.add("fm");
    const none = el("p", { class: "fm-empty" }, FS.t("map.none"));
    host.append(base, top, card, note, hint, none);
    const pen = top.getContext("2d");
    const probe = Object.assign(document.createElement("canvas"), { width: 1, height: 1 })
      .getContext("2d", { willReadFrequently: true });
    const colours = resolver(host);
    const view = { x: 0, y: 0, k: 1 };
    const size = { w: 0, h: 0, ratio: 1 };
    let layer = FactPoints.layer(base), canvas = layer.canvas || base;
    let data = null, wanted = "", paint = null, marks = [], current = 0, moved = false, frame = 0, gone = false;
    let hinted = 0, stale = true, loudest = new Set(), k0 = 1, born = new Map(), tool = "", selected = null, waiting = null;
    const loop = FactLasso.create();

    if (!FactPoints.drawnBy()) say(FS.t("map.simple"));
    // A driver that dies takes the WebGL picture with it: go on with plain pixels.
    canvas.addEventListener("webglcontextlost", (event) => {
      event.preventDefault();
      if (gone) return;
      const twin = canvas.cloneNode();
      canvas.replaceWith(twin);
      canvas = twin;
      layer = FactPoints.plain(twin);
      say(FS.t("map.simple"));
      if (data) { layer.setPoints(data.xy); recolour(); }
    });

    function say(text) { note.textContent = text; note.hidden = !text; }

    function recolour() {
      colours.forget();
      if (data) {
        const out = new Uint8Array(data.n * 4), pool = rgba(colours.css("var(--pool)"), probe);
        const palette = paint && paint.palette.map((css) => rgba(colours.css(css), probe));
        const pick = rgba(colours.css("var(--accent-mark)"), probe), thin = data.n > CROWD ? Math.max(FAINT, Math.round((255 * CROWD) / data.n)) : 255;
        for (let i = 0; i < data.n; i++) {
          const own = paint && palette[paint.index[i]], colour = own || (selected && selected[i] ? pick : pool), at = 4 * i;
          out[at] = colour[0];
          out[at + 1] = colour[1];
          out[at + 2] = colour[2];
          const alpha = paint && paint.alpha ? paint.alpha[i] : own ? 255 : thin;
          out[at + 3] = selected ? (selected[i] ? 255 : alpha * PALE) : alpha;
        }
        layer.setColours(out);
      }
      redraw();
    }

    function remember() { if (options.name && data) FactLasso.keep(FS, options.name, moved ? { ...view, at: data.kind, k: view.k / k0 } : null); }
    function fit() { fitQuietly(); remember(); }
    function fitQuietly() {
      moved = false;
      const pad = Math.min(28, size.w / 12);
      const wide = data ? Math.max(data.width, 1e-3) : 2, high = data ? Math.max(data.height, 1e-3) : 2;
      k0 = Math.min((size.w - 2 * pad) / wide, (size.h - 2 * pad) / high);
      k0 = Number.isFinite(k0) && k0 > 0 ? k0 : 1;
      Object.assign(view, { x: 0, y: 0, k: k0 });
      redraw();
    }
    function recall() { // the view that this window had before it was loaded again
      const old = options.name && FactLasso.kept(FS, options.name);
      if (!old || old.at !== data.kind || ![old.x, old.y, old.k].every(Number.isFinite)) return;
      Object.assign(view, { x: old.x, y: old.y, k: old.k * k0 });
      moved = true;
    }

    function zoom(factor, px = size.w / 2, py = size.h / 2) {
      const k = Math.min(k0 * 60, Math.max(k0 * 0.5, view.k * factor));
      const [x, y] = toMap(px, py);
      view.k = k;
      view.x = x - (px - size.w / 2) / k;
      view.y = y + (py - size.h / 2) / k;
      moved = true;
      remember();
      redraw();
    }

    const toMap = (px, py) => [view.x + (px - size.w / 2) / view.k, view.y - (py - size.h / 2) / view.k];
    function toScreen(id) {
      const row = data ? data.rows.get(id) : undefined;
      if (row === undefined) return null;
      return [size.w / 2 + (data.xy[2 * row] - view.x) * view.k, size.h / 2 - (data.xy[2 * row + 1] - view.y) * view.k];
    }

    function resize() {
      const box = host.getBoundingClientRect();
      const ratio = Math.min(window.devicePixelRatio || 1, 2);
      if (box.width < 2 || (box.width === size.w && box.height === size.h && ratio === size.ratio)) return;
      Object.assign(size, { w: box.width, h: box.height, ratio });
      for (const each of [canvas, top]) {
        each.width = Math.round(box.width * ratio);
        each.height = Math.round(box.height * ratio);
      }
      if (moved) redraw(); else fitQuietly();
    }

    function redraw() { stale = true; remark(); } // the dots too
    function remark() { if (!frame && !gone) frame = requestAnimationFrame(draw); }

    function drawDots() {
      const room = Math.min(1.5, Math.max(1, Math.sqrt(Math.min(size.w, size.h) / 640)));
      const crowd = (data && data.n > 50000 ? 2 : 3) * room;
      layer.draw(view, size.w, size.h, size.ratio, Math.min(8, Math.max(1.5, crowd * Math.sqrt(view.k / k0))));
      stale = false;
    }
    function draw() {
      frame = 0;
      if (!size.w) return;
      if (stale) drawDots();
      pen.setTransform(size.ratio, 0, 0, size.ratio, 0, 0);
      pen.clearRect(0, 0, size.w, size.h);
      if (!data) return;
      const look = { pen, css: colours.css };
      for (const mark of marks) {
        const at = toScreen(mark.id);
        if (!at || at[0] < -20 || at[1] < -20 || at[0] > size.w + 20 || at[1] > size.h + 20) continue;
        FactMarks.draw(look, mark, at[0], at[1], grown(mark.id));
      }
      const at = current && toScreen(current);
      if (at) FactMarks.draw(look, { shape: "current" }, at[0], at[1], 1);
      const over = hover.id && hover.id !== current && toScreen(hover.id);
      if (over) FactMarks.draw(look, { shape: "hover" }, over[0], over[1], 1);
      loop.draw(pen, colours.css);
      if (born.size) remark();
    }

    function grown(id) { // 120 ms of growth for a mark just given
      const since = born.get(id);
      if (since === undefined) return 1;
      const part = (performance.now() - since) / 120;
      if (part >= 1) born.delete(id);
      return Math.min(1, 0.4 + 0.6 * part);
    }

    const seen = (row) => !paint || !paint.alpha || paint.alpha[row] > 0; // what the legend hides is neither found nor chosen
    function find(px, py, reach) { // marks first: they lie on top and are what one aims at
      if (!data) return 0;
      const [x, y] = toMap(px, py);
      let row = data.nearest(x, y, reach / view.k, (i) => loudest.has(data.ids[i]));
      if (row < 0) row = data.nearest(x, y, reach / view.k, seen);
      return row < 0 ? 0 : data.ids[row];
    }

    const hover = { id: 0 };
    function showCard(id, px, py) {
      if (id !== hover.id) { hover.id = id; remark(); fillCard(id); }
      card.hidden = !id;
      top.style.cursor = id ? "pointer" : "";
      if (!id) return;
      const right = px + 16 + card.offsetWidth < size.w, below = py + 16 + card.offsetHeight < size.h;
      card.style.left = `${Math.max(4, right ? px + 16 : px - 12 - card.offsetWidth)}px`;
      card.style.top = `${Math.max(4, below ? py + 16 : py - 12 - card.offsetHeight)}px`;
      if (options.onHover) options.onHover(id);
    }
    function fillCard(id) {
      if (!id) return card.replaceChildren();
      const facts = (options.describe && options.describe(id)) || {};
      const words = el("div", { class: "fm-words" });
      if (facts.title) words.append(el("strong", {}, facts.title));
      if (facts.line) words.append(el("span", {}, facts.line));
      if (facts.hint) words.append(el("span", { class: "fm-hint" }, el("kbd", {}, facts.hint[0]), ` ${facts.hint[1]}`));
      card.replaceChildren(el("img", { src: FS.thumb(id), alt: "", width: 72, height: 72 }));
      if (words.childNodes.length) card.append(words);
    }

    function choose(rows) { // null: none; otherwise the rows of the chosen dots
      selected = rows && rows.length ? new Uint8Array(data.n) : null;
      if (selected) for (const row of rows) selected[row] = 1;
      recolour();
      if (options.onSelect) options.onSelect(selected ? Array.from(rows, (row) => data.ids[row]) : []);
    }
    function select(ids) {
      if (!data) return void (waiting = ids);
      choose(ids.map((id) => data.rows.get(id)).filter((row) => row !== undefined));
    }

    FactMarks.gestures(top, {
      grab(px, py, event) {
        const kind = tool || (event.shiftKey && options.onSelect ? "box" : "");
        if (kind) { loop.begin(kind, px, py); showCard(0, 0, 0); }
        return Boolean(kind);
      },
      pull(px, py) { loop.extend(px, py); remark(); },
      drop(aborted) {
        const path = loop.end();
        if (data && !aborted) choose(FactLasso.inside(path, data.xy, view, size).filter(seen)); else remark();
      },
      hover: (px, py) => showCard(find(px, py, REACH), px, py),
      leave: () => showCard(0, 0, 0),
      drag(dx, dy) { view.x -= dx / view.k; view.y += dy / view.k; moved = true; showCard(0, 0, 0); remember(); redraw(); },
      zoom,
      pass() { hint.hidden = false; clearTimeout(hinted); hinted = setTimeout(() => { hint.hidden = true; }, 2000); },
      click(px, py, touch) { const id = find(px, py, touch ? 24 : REACH); if (id && options.onPick) options.onPick(id); },
    });
    const watcher = new ResizeObserver(resize);
    watcher.observe(host);
    document.addEventListener("fs:theme", recolour);

    function show(picture) {
      const another = !data || data.kind !== picture.kind, ids = selected && data && Array.from(data.ids).filter((_, row) => selected[row]);
      selected = null; // its rows are those of the old picture
      data = picture;
      none.hidden = true;
      layer.setPoints(data.xy);
      recolour();
      resize();
      if (another || !moved) { const first = !moved; if (first) { fitQuietly(); recall(); } else fit(); }
      if (options.onPicture) options.onPicture(data);
      if (ids || waiting) { select(waiting || ids); waiting = null; }
    }

    return {
      get data() { return data; },
      get hovered() { return hover.id; },
      get layer() { return layer.kind; },
      get tool() { return tool; },
      toScreen, fit, zoom, resize, redraw, recolour, select,
      setTool(kind) { tool = kind; top.classList.toggle("fm-drawing", Boolean(kind)); },
      follow(map) {
        const key = map && map.kind ? `${map.kind}:${map.key}` : "";
        if (!key || key === wanted) return;
        wanted = key;
        FactPoints.picture(FS, key).then((picture) => { if (wanted === key && !gone) show(picture); }, () => { wanted = ""; });
      },
      setMarks(list) { marks = list; loudest = new Set(list.map((mark) => mark.id)); remark(); },
      setCurrent(id) { if (id !== current) { current = id; remark(); } },
      grow(id) { if (!matchMedia("(prefers-reduced-motion: reduce)").matches) born.set(id, performance.now()); remark(); },
      // index: for each dot the place in palette (none: the pool's grey); alpha: 0..255 for each dot, or null
      paint(index, palette, alpha) { paint = index && { index, palette, alpha }; recolour(); },
      destroy() {
        gone = true;
        watcher.disconnect();
        document.removeEventListener("fs:theme", recolour);
        layer.destroy();
        host.replaceChildren();
      },
    };
  }

  window.FactMap = { create };
})();
