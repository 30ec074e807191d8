// The pool's dots drawn by the graphics card.

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

/** A layer on this canvas, or null where there is no WebGL2. */
export function webglLayer(canvas) {
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
    canvas,
    setPoints(xy) {
      n = xy.length / 2;
      setPlaces(xy);
    },
    setColours(rgba) {
      setTints(rgba);
    },
    draw(view, dot) {
      gl.viewport(0, 0, canvas.width, canvas.height);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT);
      const sx = (2 * view.k) / view.w, sy = (2 * view.k) / view.h;
      gl.uniform2f(scale, sx, sy);
      gl.uniform2f(shift, -view.x * sx, -view.y * sy);
      gl.uniform1f(size, dot * view.ratio);
      if (n) gl.drawArrays(gl.POINTS, 0, n);
    },
    destroy() {
      const lose = gl.getExtension("WEBGL_lose_context");
      if (lose) lose.loseContext();
    },
  };
}
