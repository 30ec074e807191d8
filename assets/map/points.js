// The pool's dots, and which of them lies under the pointer. No data of the page passes through HTML here.
// FactPoints.layer(canvas) draws with WebGL2, or with plain pixels where the browser has none on a graphics card.
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

  // Discs of one size as lists of pixels, for 4 x 4 places of their centre within a pixel; cover: 0..256.
  function discs(size, width) {
    const reach = Math.ceil(size / 2 + 0.5), found = [];
    for (let part = 0; part < 16; part++) {
      const x = ((part & 3) + 0.5) / 4, y = ((part >> 2) + 0.5) / 4, offsets = [], covers = [];
      for (let dy = -reach; dy <= reach; dy++) {
        for (let dx = -reach; dx <= reach; dx++) {
          const cover = Math.round(256 * Math.min(1, size / 2 + 0.5 - Math.hypot(dx + 0.5 - x, dy + 0.5 - y)));
          if (cover > 8) { offsets.push(dy * width + dx); covers.push(cover); }
        }
      }
      found.push({ offsets: Int32Array.from(offsets), covers: Int32Array.from(covers) });
    }
    return found;
  }

  const RB = 0xff00ff; // two of a pixel's four bytes, so that one product serves both
  // Blends discs into one picture on the processor: 200,000 dots in some 10 ms, where WebGL without a graphics card
  // takes 200. Colours are held times their strength, as in WebGL, until the picture is put.
  function plain(canvas) {
    const pen = canvas.getContext("2d");
    let places = new Float32Array(0), tints = new Uint32Array(0), picture = null, pixels = null, shapes = [], shaped = 0;
    function blend(at, { offsets, covers }, tint) {
      const full = tint | 0xff000000, rb = full & RB, ag = (full >>> 8) & RB, strength = (tint >>> 24) + (tint >>> 31);
      for (let i = 0; i < offsets.length; i++) {
        const a = (covers[i] * strength) >> 8, b = 256 - a, to = at + offsets[i], old = pixels[to];
        pixels[to] = (((Math.imul(old & RB, b) + Math.imul(rb, a)) >>> 8) & RB) | ((Math.imul((old >>> 8) & RB, b) + Math.imul(ag, a)) & 0xff00ff00);
      }
    }
    function straighten() { // a picture's bytes are not times their strength
      for (let i = 0; i < pixels.length; i++) {
        const each = pixels[i], a = each >>> 24;
        if (a === 0 || a === 255) continue;
        const f = 255 / a;
        pixels[i] = (a << 24) | (Math.min(255, ((each >>> 16) & 255) * f) << 16) | (Math.min(255, ((each >>> 8) & 255) * f) << 8) | Math.min(255, (each & 255) * f);
      }
    }
    return {
      kind: "canvas",
      setPoints(xy) { places = xy; },
      setColours(rgba) { tints = new Uint32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4); },
      draw(view, width, height, ratio, dot) {
        const size = dot * ratio, rim = Math.ceil(size) + 2, w = canvas.width + 2 * rim, h = canvas.height + 2 * rim; // beyond the edges too
        if (!canvas.width || !canvas.height) return;
        if (!picture || picture.width !== w || picture.height !== h) {
          picture = pen.createImageData(w, h);
          pixels = new Uint32Array(picture.data.buffer);
          shaped = 0;
        } else pixels.fill(0);
        if (shaped !== size) { shapes = discs(size, w); shaped = size; }
        const k = view.k * ratio, x0 = w / 2 - view.x * k, y0 = h / 2 + view.y * k, least = (rim + 1) / 2;
        for (let i = 0, n = tints.length; i < n; i++) {
          const x = x0 + places[2 * i] * k, y = y0 - places[2 * i + 1] * k;
          if (!(x > least && y > least && x < w - least && y < h - least) || tints[i] < 1 << 24) continue;
          const column = x | 0, row = y | 0;
          blend(row * w + column, shapes[(((y - row) * 4) << 2) | ((x - column) * 4)], tints[i]);
        }
        straighten();
        pen.putImageData(picture, -rim, -rim);
      },
      destroy() {},
    };
  }

  // What draws WebGL here: "card", "processor" (slower than plain pixels) or "" for no WebGL. Asked once.
  function graphics() {
    const gl = document.createElement("canvas").getContext("webgl2");
    if (!gl) return "";
    const more = gl.getExtension("WEBGL_debug_renderer_info"), lose = gl.getExtension("WEBGL_lose_context");
    const name = String(gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
    if (lose) lose.loseContext();
    return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name) ? "processor" : "card";
  }
  let known = null;
  function drawnBy() {
    if (known === null) try { known = graphics(); } catch (error) { known = ""; console.warn("no WebGL:", error); }
    return known;
  }

  function layer(canvas) {
    let made = null;
    try { if (drawnBy() === "card") made = webgl(canvas); } catch (error) { console.warn("no WebGL:", error); }
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

  window.FactPoints = { layer, plain, picture, drawnBy };
})();
