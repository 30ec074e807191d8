// Where the images of a grid lie, of which only those on the screen are there.

const SIDE = 112, GAP_X = 8, GAP_Y = 12, WORDS = 20, RIM = 16; // px
const NEAR = 8, AIR = 4; // px
const SPARE = 2; // rows kept above and below what is seen

/** Where the images of a grid lie: columns, and the rows that are seen. */
export class Layout {
  columns = 1;
  side = SIDE;

  /** words: px below each image for what is said of it. */
  constructor(words = WORDS) {
    this.words = words;
  }

  /** px from one row to the next. */
  get line() {
    return this.side + this.words + GAP_Y;
  }

  fit(width) {
    const wide = width - 2 * RIM;
    this.columns = Math.max(2, Math.floor((wide + GAP_X) / (SIDE + GAP_X)));
    this.side = Math.floor((wide - (this.columns - 1) * GAP_X) / this.columns);
  }

  x(i) {
    return RIM + (i % this.columns) * (this.side + GAP_X);
  }

  y(i) {
    return RIM + Math.floor(i / this.columns) * this.line;
  }

  height(n) {
    return Math.ceil(n / this.columns) * this.line + RIM;
  }

  /** [from, to) of the n images that are drawn. */
  drawn(n, top, high) {
    const first = Math.max(0, Math.floor((top - RIM) / this.line) - SPARE);
    const last = Math.ceil((top + high) / this.line) + SPARE;
    return [first * this.columns, Math.min(n, last * this.columns)];
  }

  /** How many images have been seen, where ``seen`` were: of whole rows, and none that was jumped over. */
  seen(n, seen, top, high) {
    const whole = Math.floor((top + high - RIM + GAP_Y) / this.line) * this.columns;
    const first = Math.ceil(Math.max(0, top - RIM) / this.line) * this.columns; // of the first row of which all is seen
    return first <= seen ? Math.max(seen, Math.min(n, Math.max(this.columns, whole))) : seen;
  }

  /** Where the grid has to be scrolled so that image i is seen. */
  scrolled(i, top, high) {
    const at = this.y(i);
    if (at < top + NEAR) return at - RIM;
    return at + this.line > top + high ? at + this.line - high + AIR : top;
  }
}
