// Which dot lies under the pointer.

/** Dots sorted into square cells, for the nearest one within a radius (all in map units). */
export function sorted(xy) {
  const n = xy.length / 2, side = Math.max(1, Math.ceil(Math.sqrt(n / 3)));
  const cell = (v) => Math.min(side - 1, Math.max(0, Math.floor(((v + 1.001) / 2.002) * side)));
  const start = new Uint32Array(side * side + 1), order = new Uint32Array(n), of = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    of[i] = cell(xy[2 * i + 1]) * side + cell(xy[2 * i]);
    start[of[i] + 1]++;
  }
  for (let c = 0; c < side * side; c++) start[c + 1] += start[c];
  const next = start.slice();
  for (let i = 0; i < n; i++) order[next[of[i]]++] = i;
  return function nearest(x, y, radius, allowed) {
    let best = -1, least = radius * radius;
    for (let cy = cell(y - radius); cy <= cell(y + radius); cy++) {
      for (let cx = cell(x - radius); cx <= cell(x + radius); cx++) {
        for (let at = start[cy * side + cx]; at < start[cy * side + cx + 1]; at++) {
          const i = order[at], dx = xy[2 * i] - x, dy = xy[2 * i + 1] - y, far = dx * dx + dy * dy;
          if (far < least && (!allowed || allowed(i))) {
            best = i;
            least = far;
          }
        }
      }
    }
    return best;
  };
}
