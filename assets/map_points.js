// The pool's dots, and which of them lies under the pointer. No data of the page passes through HTML here.
// FactPoints.layer(canvas) draws with WebGL2, or with plain pixels where the browser has none.
// FactPoints.picture(FS, key) fetches the places, and can find the nearest dot.
(function () {
  "use strict";

  const VERTEX = `#version 300 es
    in vec2 place; in vec4 colour; uniform vec2 scale, shift; uniform float size; out vec4 tint;
    void main() { gl_Position = vec4(place * scale + shift, 0.0, 1.0); gl_PointSize = size + 1.0; tint = colour; }`;
  const FRAGMENT = `#version 300 es
    precision highp float; in vec4 tint; uniform float size; out vec4 result;
    void main() {
      float far = length(gl_PointCoord - 0.5) * (size + 1.0);
      float cover = clamp(size * 0.5 + 0.5 - far, 0.0, 1.0) * tint.a;
      result = vec4(tint.rgb * cover, cover);
    }`;

  function program(gl) {
    const made = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    return gl.getProgramParameter(made, gl.LINK_STATUS) ? made : null;
  }

  function buffer(gl, made, name, parts, kind, normalised) {
    const place = gl.getAttribLocation(made, name);
    const data = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, data);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, parts, kind, normalised, 0, 0);
    return (values) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, data);
      gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    };
  }

  function webgl(canvas) {
    const gl = canvas.getContext("webgl2", { alpha: true, premultipliedAlpha: true, antialias: false });
    const made = gl && program(gl);
    if (!made) return null;
    gl.useProgram(made);
    const setPlaces = buffer(gl, made, "place", 2, gl.FLOAT, false);
    const setTints = buffer(gl, made, "colour", 4, gl.UNSIGNED_BYTE, true);
    const at = (name) => gl.getUniformLocation(made, name);
    const [scale, shift, size] = [at("scale"), at("shift"), at("size")];
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    let n = 0;
    return {
      kind: "webgl",
      setPoints(xy) { n = xy.length / 2; setPlaces(xy); },
      setColours(rgba) { setTints(rgba); },
      draw(view, width, height, ratio, dot) {
        gl.viewport(0, 0, canvas.width, canvas.height);
        gl.clearColor(0, 0, 0, 0);
        gl.clear(gl.COLOR_BUFFER_BIT);
        const sx = (2 * view.k) / width, sy = (2 * view.k) / height;
        gl.uniform2f(scale, sx, sy);
        gl.uniform2f(shift, -view.x * sx, -view.y * sy);
        gl.uniform1f(size, dot * ratio);
        if (n) gl.drawArrays(gl.POINTS, 0, n);
      },
      destroy() { const lose = gl.getExtension("WEBGL_lose_context"); if (lose) lose.loseContext(); },
    };
  }

  // Writes small squares of pixels into one picture: 200,000 dots in some milliseconds.
  function plain(canvas) {
    const pen = canvas.getContext("2d");
    let places = new Float32Array(0), tints = new Uint32Array(0);
    return {
      kind: "canvas",
      setPoints(xy) { places = xy; },
      setColours(rgba) { tints = new Uint32Array(rgba.slice().buffer); },
      draw(view, width, height, ratio, dot) {
        const w = canvas.width, h = canvas.height;
        if (!w || !h) return;
        const picture = pen.createImageData(w, h), pixels = new Uint32Array(picture.data.buffer);
        const side = Math.max(2, Math.round(dot * ratio)), half = side / 2, k = view.k * ratio;
        for (let i = 0, n = tints.length; i < n; i++) {
          if (tints[i] >>> 24 === 0) continue;
          const left = Math.round(w / 2 + (places[2 * i] - view.x) * k - half);
          const top = Math.round(h / 2 - (places[2 * i + 1] - view.y) * k - half);
          if (left < 0 || top < 0 || left + side > w || top + side > h) continue;
          for (let y = top; y < top + side; y++) pixels.fill(tints[i], y * w + left, y * w + left + side);
        }
        pen.putImageData(picture, 0, 0);
      },
      destroy() {},
    };
  }

  function layer(canvas) {
    let made = null;
    try { made = webgl(canvas); } catch (error) { console.warn("no WebGL:", error); }
    if (made) return made;
    // A canvas that once had a WebGL context gives no 2-D one: take a fresh twin.
    let pen = canvas.getContext("2d");
    if (!pen) { const twin = canvas.cloneNode(); canvas.replaceWith(twin); canvas = twin; }
    return Object.assign(plain(canvas), { canvas });
  }

  // Dots sorted into square cells, for the nearest one within a radius (all in map units).
  function grid(xy) {
    const n = xy.length / 2, side = Math.max(1, Math.ceil(Math.sqrt(n / 3)));
    const cell = (v) => Math.min(side - 1, Math.max(0, Math.floor(((v + 1.001) / 2.002) * side)));
    const start = new Uint32Array(side * side + 1), order = new Uint32Array(n), of = new Uint32Array(n);
    for (let i = 0; i < n; i++) { of[i] = cell(xy[2 * i + 1]) * side + cell(xy[2 * i]); start[of[i] + 1]++; }
    for (let c = 0; c < side * side; c++) start[c + 1] += start[c];
    const next = start.slice();
    for (let i = 0; i < n; i++) order[next[of[i]]++] = i;
    return function nearest(x, y, radius, allowed) {
      let best = -1, least = radius * radius;
      for (let cy = cell(y - radius); cy <= cell(y + radius); cy++) {
        for (let cx = cell(x - radius); cx <= cell(x + radius); cx++) {
          for (let at = start[cy * side + cx]; at < start[cy * side + cx + 1]; at++) {
            const i = order[at], dx = xy[2 * i] - x, dy = xy[2 * i + 1] - y, far = dx * dx + dy * dy;
            if (far < least && (!allowed || allowed(i))) { best = i; least = far; }
          }
        }
      }
      return best;
    };
  }

  // Centred, the longer side from -1 to 1: the map keeps its proportions on every page.
  function normalised(xy) {
    const n = xy.length / 2, out = new Float32Array(xy.length);
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < n; i++) {
      x0 = Math.min(x0, xy[2 * i]); x1 = Math.max(x1, xy[2 * i]);
      y0 = Math.min(y0, xy[2 * i + 1]); y1 = Math.max(y1, xy[2 * i + 1]);
    }
    const half = Math.max(x1 - x0, y1 - y0, 1e-9) / 2, cx = (x0 + x1) / 2, cy = (y0 + y1) / 2;
    for (let i = 0; i < n; i++) { out[2 * i] = (xy[2 * i] - cx) / half; out[2 * i + 1] = (xy[2 * i + 1] - cy) / half; }
    return { xy: out, width: (x1 - x0) / half, height: (y1 - y0) / half };
  }

  // The binary route's answer: header length, header, places, ids (see app/maps.py).
  const shared = new Map(); // address -> promise of a picture, shared by the pages

  function read(bytes) {
    const view = new DataView(bytes), length = view.getUint32(0, true);
    const head = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length)));
    const start = Math.ceil((4 + length) / 4) * 4;
    const ids = new Int32Array(bytes, start + head.n * 8, head.n);
    const places = normalised(new Float32Array(bytes, start, head.n * 2));
    const rows = new Map();
    ids.forEach((id, row) => rows.set(id, row));
    return { ...head, ...places, ids, rows, nearest: grid(places.xy) };
  }

  function picture(FS, key) {
    const address = `/x/${FS.p}/map?key=${encodeURIComponent(key)}`;
    if (!shared.has(address)) {
      const promise = fetch(address, { credentials: "same-origin" }).then(async (answer) => {
        if (!answer.ok) throw new Error(`map: ${answer.status}`);
        return read(await answer.arrayBuffer());
      });
      promise.catch(() => shared.delete(address));
      if (shared.size > 3) shared.delete(shared.keys().next().value);
      shared.set(address, promise);
    }
    return shared.get(address);
  }

  window.FactPoints = { layer, plain, picture };
})();
