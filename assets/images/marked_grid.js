// A grid of images that keys move through and mark: what the grids of Label and Results share.

const FAR = 1e9; // to the very first or last

/** What one adds: ``host`` scrolls, ``layout`` says where images lie (layout.js), ``draw()`` draws. */
export class MarkedGrid {
  constructor() {
    /** @type {number[]} */
    this.ids = [];
    /** @type {Set<number>} */
    this.marks = new Set();
    this.focus = 0;
    this.anchor = 0; // where a range begins
    /** @type {any} */
    this.host = null;
    /** @type {any} */
    this.layout = null;
  }

  // ---- what one of them adds of its own
  draw() {}

  /** px of the host's lower end that something lies over. */
  covered() {
    return 0;
  }

  /** A key has moved; ranged: and marked on its way. */
  moved(_ranged) {}

  /** Others are marked now, not by a move. */
  remarked() {}

  // ---- moving and marking
  range(from, to, yes) {
    for (let i = Math.min(from, to); i <= Math.max(from, to); i++) {
      if (yes) this.marks.add(this.ids[i]);
      else this.marks.delete(this.ids[i]);
    }
  }

  /** What a click selects, here and in file managers: this one alone; with Ctrl (one) one more or one less; with Shift
   *  (upto) all from the last one up to here, and with both these beside the others. */
  pick(i, one, upto) {
    if (upto) {
      if (!one) this.marks.clear();
      return this.range(this.anchor, i, true);
    }
    const yes = !one || !this.marks.has(this.ids[i]);
    if (!one) this.marks.clear();
    this.range(i, i, yes);
    this.anchor = i;
  }

  move(step, event) {
    if (!this.ids.length) return;
    const from = this.focus;
    this.focus = Math.max(0, Math.min(this.ids.length - 1, from + step));
    if (event.shiftKey) this.range(from, this.focus, true);
    else this.anchor = this.focus;
    this.reveal();
    this.moved(Boolean(event.shiftKey));
  }

  /** Bring the image in hand onto the screen. */
  reveal() {
    const { host } = this, to = this.layout.scrolled(this.focus, host.scrollTop, host.clientHeight - this.covered());
    if (to !== host.scrollTop) host.scrollTop = to;
    this.draw();
  }

  vertical(step, event) {
    this.move(step * this.layout.columns, event);
  }

  page(step) {
    const rows = Math.max(1, Math.floor(this.host.clientHeight / this.layout.line));
    this.move(step * this.layout.columns * rows, {});
  }

  toggle() {
    if (!this.ids.length) return;
    this.pick(this.focus, true, false);
    this.remarked();
    this.draw();
  }

  all() {
    for (const id of this.ids) this.marks.add(id);
    this.remarked();
    this.draw();
  }

  clear() {
    this.marks.clear();
    this.remarked();
    this.draw();
  }
}

/** The moves of a grid by code. */
export const movesOf = (grid) => ({
  ArrowLeft: (event) => grid.move(-1, event),
  ArrowRight: (event) => grid.move(1, event),
  ArrowUp: (event) => grid.vertical(-1, event),
  ArrowDown: (event) => grid.vertical(1, event),
  PageUp: () => grid.page(-1),
  PageDown: () => grid.page(1),
  Home: () => grid.move(-FAR, {}),
  End: () => grid.move(FAR, {}),
});
