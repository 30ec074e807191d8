// The pool's dots drawn by the processor: where no graphics card does it, this is the faster way.

// Discs of one size as lists of pixels, for 4 x 4 places of their centre within a pixel; cover: 0..256.
function discs(size, width) {
  const reach = Math.ceil(size / 2 + 0.5), found = [];
  for (let part = 0; part < 16; part++) {
    const x = ((part & 3) + 0.5) / 4, y = ((part >> 2) + 0.5) / 4, offsets = [], covers = [];
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        const cover = Math.round(256 * Math.min(1, size / 2 + 0.5 - Math.hypot(dx + 0.5 - x, dy + 0.5 - y)));
        if (cover > 8) {
          offsets.push(dy * width + dx);
          covers.push(cover);
        }
      }
    }
    found.push({ offsets: Int32Array.from(offsets), covers: Int32Array.from(covers) });
  }
  return found;
}

const RB = 0xff00ff; // two of a pixel's four bytes, so that one product serves both
const MOVING = 100000; // dots that are drawn in time for 30 frames a second

/** Of so many dots each how many-th is drawn: all at rest; while the picture moves, as many as it takes. */
export const stepOf = (n, moves) => (moves ? Math.ceil(n / MOVING) : 1) || 1;

/** The strengths (0..255) of a dot that stands for ``step`` dots of each strength: as if they lay upon each other. */
export function strengths(step) {
  return Uint8Array.from({ length: 256 }, (_, a) => Math.round(255 * (1 - (1 - a / 255) ** step)));
}

// Blends discs into one picture on the processor: 200,000 dots in some 10 ms, where WebGL without a graphics card
// takes 200. Colours are held times their strength, as in WebGL, until the picture is put.
export class PlainLayer {
  kind = "canvas";

  constructor(canvas) {
    this.canvas = canvas;
    this.pen = this.canvas.getContext("2d");
    this.places = new Float32Array(0);
    this.tints = new Uint32Array(0);
    this.picture = null;
    this.pixels = null;
    this.shapes = [];
    this.shaped = 0;
  }

  blend(at, { offsets, covers }, tint) {
    const full = tint | 0xff000000, rb = full & RB, ag = (full >>> 8) & RB, strength = (tint >>> 24) + (tint >>> 31);
    const pixels = this.pixels;
    for (let i = 0; i < offsets.length; i++) {
      const a = (covers[i] * strength) >> 8, b = 256 - a, to = at + offsets[i], old = pixels[to];
      pixels[to] = (((Math.imul(old & RB, b) + Math.imul(rb, a)) >>> 8) & RB) |
        ((Math.imul((old >>> 8) & RB, b) + Math.imul(ag, a)) & 0xff00ff00);
    }
  }

  straighten() { // a picture's bytes are not times their strength
    const pixels = this.pixels;
    for (let i = 0; i < pixels.length; i++) {
      const each = pixels[i], a = each >>> 24;
      if (a === 0 || a === 255) continue;
      const f = 255 / a;
      pixels[i] = (a << 24) | (Math.min(255, ((each >>> 16) & 255) * f) << 16) |
        (Math.min(255, ((each >>> 8) & 255) * f) << 8) | Math.min(255, (each & 255) * f);
    }
  }

  setPoints(xy) {
    this.places = xy;
  }

  setColours(rgba) {
    this.tints = new Uint32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4);
  }

  /** moves: whether another picture comes in the next frame. Returns whether dots were left out for it. */
  draw(view, dot, moves = false) {
    const size = dot * view.ratio, rim = Math.ceil(size) + 2;
    const w = this.canvas.width + 2 * rim, h = this.canvas.height + 2 * rim; // beyond the edges too
    if (!this.canvas.width || !this.canvas.height) return false;
    if (!this.picture || this.picture.width !== w || this.picture.height !== h) {
      this.picture = this.pen.createImageData(w, h);
      this.pixels = new Uint32Array(this.picture.data.buffer);
      this.shaped = 0;
    } else this.pixels.fill(0);
    if (this.shaped !== size) {
      this.shapes = discs(size, w);
      this.shaped = size;
    }
    const k = view.k * view.ratio, x0 = w / 2 - view.x * k, y0 = h / 2 + view.y * k, least = (rim + 1) / 2;
    const { tints, places, shapes } = this, step = stepOf(tints.length, moves), strong = strengths(step);
    for (let i = 0, n = tints.length; i < n; i += step) {
      const x = x0 + places[2 * i] * k, y = y0 - places[2 * i + 1] * k;
      if (!(x > least && y > least && x < w - least && y < h - least) || tints[i] < 1 << 24) continue;
      const column = x | 0, row = y | 0, tint = (tints[i] & 0xffffff) | (strong[tints[i] >>> 24] << 24);
      this.blend(row * w + column, shapes[(((y - row) * 4) << 2) | ((x - column) * 4)], tint);
    }
    this.straighten();
    this.pen.putImageData(this.picture, -rim, -rim);
    return step > 1;
  }

  destroy() {}
}
