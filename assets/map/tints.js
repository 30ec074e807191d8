// The colours of the map's dots. Colours are CSS values, variables included, read again when the theme changes.

const CROWD = 100000, FAINT = 90; // from so many dots on they are let through (0..255): overlaps show as density
const PALE = 0.25; // share of its strength that a dot keeps beside a selection

/** Reads CSS values as a place of the page has them. */
export class Colours {
  constructor(host) {
    this.host = host;
    this.known = new Map(); // value -> colour
    this.bytes = new Map(); // value -> [r, g, b, a]
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
  }

  forget() {
    this.known.clear();
    this.bytes.clear();
  }

  css = (value) => {
    if (!this.known.has(value)) {
      const name = /^var\((--[\w-]+)\)$/.exec(value);
      const own = name && getComputedStyle(this.host).getPropertyValue(name[1]).trim();
      this.known.set(value, name ? own || "#888" : value);
    }
    return this.known.get(value);
  };

  rgba = (value) => {
    if (!this.bytes.has(value)) {
      this.pen.clearRect(0, 0, 1, 1);
      this.pen.fillStyle = this.css(value);
      this.pen.fillRect(0, 0, 1, 1);
      this.bytes.set(value, this.pen.getImageData(0, 0, 1, 1).data);
    }
    return this.bytes.get(value);
  };
}

/** Four bytes a dot. painting: {index, palette, alpha} or null; selected: a byte a dot, or null. */
export function tints(n, painting, selected, rgba) {
  const out = new Uint8Array(n * 4), pool = rgba("var(--pool)"), pick = rgba("var(--accent-mark)");
  const palette = painting ? painting.palette.map(rgba) : [], index = painting?.index, alphas = painting?.alpha;
  const thin = n > CROWD ? Math.max(FAINT, Math.round((255 * CROWD) / n)) : 255;
  for (let i = 0; i < n; i++) {
    const own = index && palette[index[i]], colour = own || (selected && selected[i] ? pick : pool), at = 4 * i;
    out[at] = colour[0];
    out[at + 1] = colour[1];
    out[at + 2] = colour[2];
    const alpha = alphas ? alphas[i] : own ? 255 : thin;
    out[at + 3] = selected ? (selected[i] ? 255 : alpha * PALE) : alpha;
  }
  return out;
}
