// Choosing many dots of the map at once: a loop or a box drawn with the pointer, and what lies within it.
//   const tool = FactLasso.create(); tool.begin("lasso", x, y), tool.extend(x, y), tool.draw(pen, css), tool.end() -> path
//   FactLasso.inside(path, data.xy, view, size) -> rows of the dots within, Uint32Array
(function () {
  "use strict";

  const STEP = 2; // px between two corners of a loop

  function create() {
    let kind = "", path = [];
    return {
      get active() { return kind !== ""; },
      begin(what, x, y) { kind = what; path = [[x, y]]; },
      extend(x, y) {
        const [px, py] = path[path.length - 1];
        if (kind === "box") path = [path[0], [x, y]];
        else if (Math.hypot(x - px, y - py) >= STEP) path.push([x, y]);
      },
      draw(pen, css) {
        if (!kind || path.length < 2) return;
        pen.beginPath();
        for (const [x, y] of corners(kind, path)) pen.lineTo(x, y);
        pen.closePath();
        pen.globalAlpha = 0.12;
        pen.fillStyle = css("var(--accent-mark)");
        pen.fill();
        pen.globalAlpha = 1;
        pen.lineWidth = 1.5;
        pen.strokeStyle = css("var(--accent-mark)");
        pen.stroke();
      },
      end() {
        const found = path.length > 1 ? corners(kind, path) : [];
        kind = "";
        path = [];
        return found;
      },
    };
  }

  function corners(kind, path) {
    if (kind !== "box") return path;
    const [[x0, y0], [x1, y1]] = [path[0], path[path.length - 1]];
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
  }

  // The loop is filled into a picture, and each dot looks its pixel up: the same time however long the loop is.
  function inside(path, xy, view, size) {
    const n = xy.length / 2, w = Math.ceil(size.w), h = Math.ceil(size.h);
    if (path.length < 3 || !w || !h) return new Uint32Array(0);
    const pen = Object.assign(document.createElement("canvas"), { width: w, height: h }).getContext("2d", { willReadFrequently: true });
    pen.beginPath();
    for (const [x, y] of path) pen.lineTo(x, y);
    pen.closePath();
    pen.fill();
    const mask = pen.getImageData(0, 0, w, h).data, rows = new Uint32Array(n);
    let found = 0;
    for (let i = 0; i < n; i++) {
      const x = Math.floor(size.w / 2 + (xy[2 * i] - view.x) * view.k), y = Math.floor(size.h / 2 - (xy[2 * i + 1] - view.y) * view.k);
      if (x >= 0 && y >= 0 && x < w && y < h && mask[4 * (y * w + x) + 3] > 127) rows[found++] = i;
    }
    return rows.subarray(0, found);
  }

  // ---- what outlives a reload of the window: the view, the selection, the colouring
  const place = (FS, name) => `fs-map-${FS.p}-${name}`;
  function keep(FS, name, value) {
    try { sessionStorage.setItem(place(FS, name), JSON.stringify(value)); } catch { /* a full or forbidden store: for this load only */ }
  }
  function kept(FS, name) {
    try { return JSON.parse(sessionStorage.getItem(place(FS, name))); } catch { return null; }
  }

  window.FactLasso = { create, inside, keep, kept };
})();
