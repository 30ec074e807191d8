// The layer of the pool's dots: WebGL2, or plain pixels where the browser has none on a graphics card.
import { PlainLayer } from "./plain.js";
import { webglLayer } from "./webgl.js";

function graphics() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return "";
  const more = gl.getExtension("WEBGL_debug_renderer_info"), lose = gl.getExtension("WEBGL_lose_context");
  const name = String(gl.getParameter(more ? more.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  if (lose) lose.loseContext();
  return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name) ? "processor" : "card";
}
let known = null;

/** What draws WebGL here: "card", "processor" (slower than plain pixels) or "" for no WebGL. Asked once. */
export function drawnBy() {
  if (known === null) {
    try {
      known = graphics();
    } catch (error) {
      known = "";
      console.warn("no WebGL:", error);
    }
  }
  return known;
}

/** A layer on this canvas, or on a twin in its place. */
export function makeLayer(canvas) {
  try {
    const made = drawnBy() === "card" ? webglLayer(canvas) : null;
    if (made) return made;
  } catch (error) {
    console.warn("no WebGL:", error);
  }
  // A canvas that once had a WebGL context gives no 2-D one: take a fresh twin.
  if (canvas.getContext("2d")) return new PlainLayer(canvas);
  const twin = canvas.cloneNode();
  canvas.replaceWith(twin);
  return new PlainLayer(twin);
}
