// What the dots of the label page's map are coloured by.
import { classColour, colourOf } from "../shell/dom.js";

export const COLOURS = ["label", "like", "sure", "chosen", "part", "group"];
export const BAKED = 2000; // more answers than this are painted into the dots: drawn one by one they cost 150 ms

const HUES = 12;
const NONE = 65535; // place in the palette of a dot without a colour of its own
const ACCENT = "var(--accent-mark)";

export const roleOf = (store, id) => store.items.get(id)?.role ?? null;

/** Image -> "pick" or "check": chosen to be labeled; or labeled, and therefore trained on or checked with. */
export function membersOf(mode, store) {
  const found = new Map(), part = (role) => (role === "audit" ? "check" : "pick");
  if (mode === "chosen") { for (const entry of store.entries) found.set(entry.id, part(entry.role)); }
  if (mode === "part") {
    for (const [id, state] of store.states) if (state.kind === "label") found.set(id, part(roleOf(store, id)));
  }
  return found;
}

/** What has to change before the dots look otherwise. */
export function paintKey({ mode, hidden, groups, store, columns }, data) {
  const many = store.states.size > BAKED, history = [store.given, store.row];
  return JSON.stringify([
    mode,
    data.key,
    [...hidden],
    many && history,
    columns && ["like", "sure"].includes(mode) && [columns.given, columns.labels],
    ["chosen", "part"].includes(mode) && [...history, store.selection],
    store.classes.map((each) => [each.id, each.colour]),
    Boolean(groups),
  ]);
}

/** {index, palette, alpha} for map.paint, or null where all dots are the pool's grey.
 *  look: {mode, isHidden(key), groups, store, columns}, where columns are the suggestions, or null. */
export function paintingOf(look, data) {
  if (look.mode === "label" && look.store.states.size <= BAKED) return null;
  const painting = new Painting(data);
  PAINTERS[look.mode](painting, look);
  return painting;
}

class Painting {
  constructor(data) {
    this.rows = data.rows;
    this.index = new Uint16Array(data.n).fill(NONE);
    this.alpha = new Uint8Array(data.n).fill(255);
    this.palette = [];
  }

  /** Colour the dot of an image, or hide it. */
  put(id, hidden, place, strength = 255) {
    const row = this.rows.get(id);
    if (row === undefined) return;
    if (!hidden) this.index[row] = place;
    this.alpha[row] = hidden ? 0 : strength;
  }
}

const places = (store) => new Map(store.classes.map((each, i) => [each.id, i]));

const PAINTERS = {
  label(painting, { store, isHidden }) {
    const place = places(store);
    painting.palette = store.classes.map(classColour);
    for (const [id, state] of store.states) {
      if (state.kind === "label" && place.has(state.class)) {
        painting.put(id, isHidden(state.class), place.get(state.class));
      }
    }
  },
  like(painting, look) {
    const place = places(look.store);
    painting.palette = look.store.classes.map(classColour);
    suggested(painting, look, (each, sure) => [place.get(each) ?? NONE, 70 + Math.round(0.72 * sure)]);
  },
  sure(painting, look) {
    painting.palette = [ACCENT];
    suggested(painting, look, (_, sure) => [0, 30 + Math.round(0.88 * sure)]);
  },
  group(painting, { groups, isHidden }) {
    painting.palette = Array.from({ length: HUES }, (_, i) => colourOf(i));
    groups?.ids.forEach((id, row) => painting.put(id, isHidden(groups.of[row]), groups.of[row]));
  },
  chosen: parted,
  part: parted,
};

function suggested(painting, { columns, store, isHidden }, look) {
  columns?.ids.forEach((id, row) => {
    if (roleOf(store, id) === "audit") return; // what is checked is not told
    const each = columns.classes[columns.y[row]];
    painting.put(id, isHidden(each), ...look(each, columns.sure[row]));
  });
}

function parted(painting, { mode, store, isHidden }) {
  painting.palette = [ACCENT, "var(--ink)"];
  for (const [id, part] of membersOf(mode, store)) painting.put(id, isHidden(part), part === "check" ? 1 : 0);
}
