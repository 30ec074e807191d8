// Where the map's window lies over the picture: its middle (x, y) in the picture, k px a unit, w x h px large.

const LEAST_ZOOM = 0.5, MOST_ZOOM = 60; // times the zoom at which all is seen
const RIM = 28; // px left free around the picture

export class View {
  x = 0;
  y = 0;
  k = 1;
  k0 = 1; // the zoom at which all is seen
  w = 0;
  h = 0;
  ratio = 1; // of the screen's pixels to ours
  moved = false; // by the person: then another size of the window does not show all again

  /** [x, y] in the picture of a place in the window.
   *  @returns {[number, number]} */
  toMap(px, py) {
    return [this.x + (px - this.w / 2) / this.k, this.y - (py - this.h / 2) / this.k];
  }

  /** [x, y] in the window of a place in the picture.
   *  @returns {[number, number]} */
  toScreen(x, y) {
    return [this.w / 2 + (x - this.x) * this.k, this.h / 2 - (y - this.y) * this.k];
  }

  /** Whether a place in the window is seen, or nearly. */
  shows([px, py]) {
    return px >= -20 && py >= -20 && px <= this.w + 20 && py <= this.h + 20;
  }

  /** Show all of a picture so wide and so high. */
  fit(width, height) {
    const pad = Math.min(RIM, this.w / 12);
    const k = Math.min((this.w - 2 * pad) / Math.max(width, 1e-3), (this.h - 2 * pad) / Math.max(height, 1e-3));
    this.k0 = Number.isFinite(k) && k > 0 ? k : 1;
    Object.assign(this, { x: 0, y: 0, k: this.k0, moved: false });
  }

  /** Zoom; the place under (px, py) stays where it is. */
  zoom(factor, px = this.w / 2, py = this.h / 2) {
    const k = Math.min(this.k0 * MOST_ZOOM, Math.max(this.k0 * LEAST_ZOOM, this.k * factor));
    const [x, y] = this.toMap(px, py);
    Object.assign(this, { k, x: x - (px - this.w / 2) / k, y: y + (py - this.h / 2) / k, moved: true });
  }

  drag(dx, dy) {
    Object.assign(this, { x: this.x - dx / this.k, y: this.y + dy / this.k, moved: true });
  }

  /** Whether the window has another size now. */
  resize(w, h, ratio) {
    if (w < 2 || (w === this.w && h === this.h && ratio === this.ratio)) return false;
    Object.assign(this, { w, h, ratio });
    return true;
  }

  /** What outlives a reload: a view of a picture of that kind. */
  keepsake(kind) {
    return this.moved ? { x: this.x, y: this.y, k: this.k / this.k0, at: kind } : null;
  }

  /** Go back to a view that was kept. */
  recall(old, kind) {
    if (!old || old.at !== kind || ![old.x, old.y, old.k].every(Number.isFinite)) return;
    Object.assign(this, { x: old.x, y: old.y, k: old.k * this.k0, moved: true });
  }

  /** The size of a dot in px, for so many dots: it grows a little with the window and the zoom. */
  dotSize(n) {
    const room = Math.min(1.5, Math.max(1, Math.sqrt(Math.min(this.w, this.h) / 640)));
    return Math.min(8, Math.max(1.5, (n > 50000 ? 2 : 3) * room * Math.sqrt(this.k / this.k0)));
  }
}
