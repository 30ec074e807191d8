// Pieces: places that Gradio puts on the page and a module of ours fills.

const pieces = new Map(); // name -> {host, cleanup} of what was filled last
const waiting = []; // [name, host] as Gradio put them
let makers = null;

/** A piece was put on the page. */
export function attach(name, host) {
  waiting.push([name, host]);
  fill(name, host);
}

/** From now on pieces are filled. table: name -> (root) => cleanup. */
export function fillPieces(table) {
  makers = table;
  for (const [name, host] of waiting) if (host.isConnected) fill(name, host);
}

function fill(name, host) {
  const make = makers && makers[name];
  const root = host.matches("[data-fs]") ? host : host.querySelector(`[data-fs="${name}"]`);
  if (!make || !root || root.fsFilled) return;
  pieces.get(name)?.cleanup?.();
  root.fsFilled = true;
  root.replaceChildren();
  const piece = { host, cleanup: null };
  pieces.set(name, piece);
  piece.cleanup = make(root) || null;
}
