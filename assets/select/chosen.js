// The chosen images: on the map, in the strip below it, in the grid.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { thumbUrl } from "../shell/pictures.js";
import { counted, t } from "../shell/text.js";

const AIR = 16; // px before the image that is brought into view
const PLACES = { map: "strip", grid: "grid" }; // view -> where its tiles lie
/** How a chosen image stands -> its mark on the map. */
const SHAPES = { open: "pick", new: "new", done: "done" };

export const isTile = (node) => Boolean(node) && node.matches(".sl-tile");

/** The queue of a selection, by role. */
export class Chosen {
  constructor() {
    this.entries = [];
    this.earlier = new Set();
    this.round = null;
    this.toShow = new Set(); // the hosts of tiles in which the new round is still to be brought into view
  }

  /** earlier: images that a selection before this one had chosen; rejected: those that others have replaced, in an
   *  earlier round as well; selection: its id, null before the first. */
  take({ entries, earlier = [], rejected = [], selection = null }) {
    if (selection !== this.round) this.toShow = new Set(["strip", "grid"]);
    this.round = selection;
    this.entries = entries;
    this.rejected = rejected;
    this.earlier = new Set(earlier);
    this.picks = entries.filter((entry) => entry.role === "pick");
    this.checks = entries.filter((entry) => entry.role === "audit");
  }

  picks = [];
  checks = [];
  rejected = []; // ids

  /** Whether the person rejected an image, so that another one has taken its place. */
  isOut(id) {
    return this.rejected.includes(id);
  }

  entryOf(id) {
    return this.entries.find((entry) => entry.id === id);
  }

  /** How a chosen image stands: done (somebody has said something of it), new (beside older ones), or open. */
  standOf(entry) {
    if (entry.state) return "done";
    return this.earlier.size && !this.earlier.has(entry.id) ? "new" : "open";
  }

  /** "3 of 50", or its number among the check images. */
  numberOf(entry) {
    const pick = entry.role === "pick", of = pick ? this.picks : this.checks;
    const number = t(pick ? "select.number" : "select.check_number", { n: of.indexOf(entry) + 1, total: of.length });
    return entry.source ? t("choice.number", { number }) : number;
  }
}

/** A new round lies behind the older ones: its first image is brought into view, once in each place. */
export function bringNew({ parts, chosen, view }) {
  const place = PLACES[view], host = place && parts[place];
  const first = host && host.offsetParent && host.querySelector("[data-stand=new]");
  if (!first || !chosen.toShow.delete(place)) return;
  const from = host.getBoundingClientRect(), to = first.getBoundingClientRect();
  host.scrollLeft += to.left - from.left - AIR;
  host.scrollTop += to.top - from.top - AIR;
}

/** Draw them. page: {parts, map, chosen, view}; gaps: regions without a pick; look(id) shows an image closer. */
export function drawChosen({ parts, map, chosen, view }, gaps, look) {
  const { picks, checks } = chosen, n = picks.length;
  const marks = (shape, ids) => ids.map((id) => ({ id, shape }));
  const idsOf = (entries) => entries.map((entry) => entry.id);
  map.setMarks([
    ...marks("gap", gaps.map((gap) => gap.item)),
    ...marks("check", idsOf(checks)),
    ...picks.map((entry) => ({ id: entry.id, shape: SHAPES[chosen.standOf(entry)] })),
  ]);
  const tiles = (entries) => entries.map((entry, i) => tile(entry, i, chosen, look));
  parts.count.textContent = n ? t("select.strip", { n: fmt.int(n) }) : t("select.strip_none");
  parts.stripside.classList.toggle("sl-none", !n);
  parts.all.textContent = t(view === "map" ? "select.show_all" : "select.show_map");
  parts.strip.replaceChildren(...(view === "map" ? tiles(picks) : []));
  const out = chosen.rejected.map((id) => rejectedTile(id, look));
  parts.grid.replaceChildren(...(view === "grid" ? grid(tiles(picks), tiles(checks), out) : []));
  parts.out.hidden = !out.length;
  parts.out.textContent = counted("select.rejected_n", out.length);
  const stands = picks.map((entry) => chosen.standOf(entry)),
    of = (stand) => stands.filter((each) => each === stand).length;
  drawLegend(parts.legend, { open: of("open"), fresh: of("new"), done: of("done") }, checks.length, gaps.length);
}

function grid(picks, checks, out) {
  const tiles = (list) => el("div", { class: "sl-tiles" }, list);
  const part = (list, title, hint, name) =>
    list.length
      ? [
        el(
          "p",
          { class: `sl-gridhead ${name}` },
          el("strong", {}, title),
          " ",
          el("span", { class: "small" }, t(hint)),
        ),
        tiles(list),
      ]
      : [];
  return [
    tiles(picks),
    ...part(checks, t("select.checks", { n: checks.length }), "select.checks_hint", "sl-checks"),
    ...part(out, counted("select.rejected_n", out.length), "select.rejected_note", "sl-out"),
  ];
}

function rejectedTile(id, look) {
  const words = { title: t("select.rejected_tile"), "aria-label": t("select.rejected_tile") };
  return el(
    "button",
    { type: "button", class: "sl-tile sl-rejected", ...words, dataset: { id }, onclick: () => look(id) },
    el("img", { src: thumbUrl(id), alt: "", loading: "lazy", draggable: "false" }),
  );
}

function drawLegend(host, { open, fresh, done }, checks, gaps) {
  const sign = (kind, key, n) => {
    const mark = el("i", { class: `lb-sign lb-sign-${kind}`, "aria-hidden": "true" });
    return el("span", { class: "lb-key" }, mark, t(key), el("small", {}, fmt.int(n)));
  };
  const pool = app.state && app.state.counts ? app.state.counts.pool : 0;
  host.replaceChildren(
    open ? sign("pick", "select.key_chosen", open) : "",
    fresh ? sign("new", "select.key_new", fresh) : "",
    done ? sign("done", "select.key_done", done) : "",
    checks ? sign("check", "select.key_check", checks) : "",
    gaps ? sign("gap", "select.key_gap", gaps) : "",
    sign("pool", "select.key_rest", Math.max(0, pool - open - fresh - done - checks)),
  );
}

function tile(entry, i, chosen, look) {
  const stand = chosen.standOf(entry), data = { id: entry.id, role: entry.role, stand };
  const name = stand === "open" ? chosen.numberOf(entry) : `${chosen.numberOf(entry)}, ${t(`select.stand_${stand}`)}`;
  return el(
    "button",
    {
      type: "button",
      class: "sl-tile",
      title: name,
      "aria-label": name,
      dataset: data,
      onclick: () => look(entry.id),
    },
    el("img", { src: thumbUrl(entry.id), alt: "", loading: "lazy", draggable: "false" }),
    el("span", {}, String(i + 1)),
    stand === "done" ? el("b", { class: "sl-stand" }, icon("check")) : "",
    stand === "new" ? el("b", { class: "sl-stand" }, t("select.stand_new")) : "",
  );
}

/** Mark the tile of an image. Tab goes to one image of the strip and on to the next pane; the arrows go from image to
 *  image. Returns the tile that Tab goes to. */
export function markTile(root, id) {
  const all = [...root.querySelectorAll(".sl-tile")], is = (node) => Number(node.dataset.id) === id;
  const way = all.find(is) || all[0];
  for (const node of all) {
    node.tabIndex = node === way ? 0 : -1;
    if (is(node)) node.setAttribute("aria-current", "true");
    else node.removeAttribute("aria-current");
  }
  return way;
}
