// Choosing many dots of the map at once: a loop or a box drawn with the pointer, and what lies within it.
//   const tool = new Lasso(); tool.begin("lasso" | "box", x, y), tool.extend(x, y), tool.draw(pen, css),
//   tool.end() -> path

const STEP = 2; // px between two corners of a loop

export class Lasso {
  constructor() {
    this.kind = "";
    this.path = [];
  }

  get active() {
    return this.kind !== "";
  }

  begin(what, x, y) {
    this.kind = what;
    this.path = [[x, y]];
  }

  extend(x, y) {
    const [px, py] = this.path[this.path.length - 1];
    if (this.kind === "box") this.path = [this.path[0], [x, y]];
    else if (Math.hypot(x - px, y - py) >= STEP) this.path.push([x, y]);
  }

  draw(pen, css) {
    if (!this.kind || this.path.length < 2) return;
    pen.beginPath();
    for (const [x, y] of corners(this.kind, this.path)) pen.lineTo(x, y);
    pen.closePath();
    pen.globalAlpha = 0.12;
    pen.fillStyle = css("var(--accent-mark)");
    pen.fill();
    pen.globalAlpha = 1;
    pen.lineWidth = 1.5;
    pen.strokeStyle = css("var(--accent-mark)");
    pen.stroke();
  }

  end() {
    const found = this.path.length > 1 ? corners(this.kind, this.path) : [];
    this.kind = "";
    this.path = [];
    return found;
  }
}

function corners(kind, path) {
  if (kind !== "box") return path;
  const [[x0, y0], [x1, y1]] = [path[0], path[path.length - 1]];
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}

/** The rows of the dots within a loop. It is filled into a picture, and each dot looks its pixel up: the same time
 *  however long the loop is. */
export function rowsInside(path, xy, view) {
  const w = Math.ceil(view.w), h = Math.ceil(view.h);
  if (path.length < 3 || !w || !h) return new Uint32Array(0);
  const canvas = Object.assign(document.createElement("canvas"), { width: w, height: h });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.beginPath();
  for (const [x, y] of path) pen.lineTo(x, y);
  pen.closePath();
  pen.fill();
  return rowsOn(pen.getImageData(0, 0, w, h).data, w, h, xy, view);
}

/** The rows of the dots whose pixel in an RGBA mask of w x h is more than half filled. */
export function rowsOn(mask, w, h, xy, view) {
  const n = xy.length / 2, rows = new Uint32Array(n);
  let found = 0;
  for (let i = 0; i < n; i++) {
    const x = Math.floor(view.w / 2 + (xy[2 * i] - view.x) * view.k);
    const y = Math.floor(view.h / 2 - (xy[2 * i + 1] - view.y) * view.k);
    if (x >= 0 && y >= 0 && x < w && y < h && mask[4 * (y * w + x) + 3] > 127) rows[found++] = i;
  }
  return rows.subarray(0, found);
}
