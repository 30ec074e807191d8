// The map of the pool as the model answers it: coloured by class, by right and wrong or by how sure it is. A click
// shows an image, a loop those within it, the legend narrows down. What the filter leaves out is pale.
import { PoolMap } from "../map/map.js";
import { app } from "../shell/app.js";
import { classColour, classMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { keepSession, keptSession } from "../shell/kept.js";
import { redraw } from "../shell/redraw.js";
import { t } from "../shell/text.js";
import { judged } from "./filter.js";
import { wordsOf } from "./tile.js";

const COLOURS = ["said", "is", "sure"], IS = ["wrong", "right", "unknown"];
const NO_COLOUR = 65535; // place in the palette of a dot without a colour of its own
const UNANSWERED = 90, LEFT_OUT = 26, FAINTEST = 70; // strength (0..255): without an answer, filtered out, least sure
const STRENGTH = { wrong: 255, right: 130, unknown: 70 };
const SURE = 65535; // what 1 is in the column of confidences

export class AnswersMap {
  /** act: {facts(id), pick(id), choose(ids), narrow(part of a filter)}. name: under it view and colour are kept. */
  constructor(name, act) {
    this.name = name;
    this.act = act;
    this.map = null;
    this.view = null;
    this.within = null; // a byte a row: whether the filter lets it through; null: all
    const kept = keptSession(`${name}-colour`);
    this.mode = COLOURS.includes(kept) ? kept : "said";
    this.host = el("div", { class: "rm-map" });
    this.legend = el("div", { class: "rm-legend", role: "group", "aria-label": t("review.map_legend") });
    this.none = el("p", { class: "small" }, t("results.no_map"));
    this.tools = this.buildTools();
    this.node = el("div", { class: "rm" }, this.tools, this.none, this.host, this.legend);
  }

  buildTools() {
    const colour = el("select", {
      class: "lb-colour",
      "aria-label": t("review.map_colour"),
      onchange: (event) => {
        this.mode = event.target.value;
        keepSession(`${this.name}-colour`, this.mode);
        this.paint();
      },
    }, COLOURS.map((each) => el("option", { value: each }, t(`review.map_${each}`))));
    colour.value = this.mode;
    const tool = (name, image, key, onclick) => {
      const words = { title: t(key), "aria-label": t(key) };
      return el(
        "button",
        { class: "btn icon slim", type: "button", dataset: { id: name }, ...words, onclick },
        icon(image),
      );
    };
    this.drawing = ["lasso", "box"].map((kind) => tool(kind, kind, `label.${kind}`, () => this.setTool(kind)));
    return el(
      "div",
      { class: "rm-tools" },
      colour,
      el("span", { class: "push" }),
      this.drawing,
      tool("fit", "fit", "label.map_fit", () => this.map?.fit()),
    );
  }

  destroy() {
    this.map?.destroy();
  }

  setTool(kind) {
    if (!this.map) return;
    const now = this.map.tool === kind ? "" : kind;
    this.map.setTool(now);
    for (const each of this.drawing) each.setAttribute("aria-pressed", String(each.dataset.id === now));
  }

  /** Follow the newest picture of the pool; the map is made when it is shown for the first time. */
  follow() {
    const picture = app.state.map && app.state.map.kind;
    this.none.hidden = Boolean(picture);
    for (const each of [this.host, this.tools, this.legend]) each.hidden = !picture;
    if (!picture || !this.host.isConnected) return;
    this.map = this.map || this.makeMap();
    this.map.follow(app.state.map);
    this.map.resize();
  }

  makeMap() {
    return new PoolMap(this.host, {
      label: t("results.map_label"),
      name: this.name,
      describe: (id) => this.describe(id),
      onPicture: () => this.paint(),
      onPick: (id) => this.act.pick(id),
      onSelect: (ids) => {
        if (!ids.length) return;
        this.setTool(this.map.tool); // it is done
        this.map.select([]);
        this.act.choose(ids);
      },
    });
  }

  describe(id) {
    const facts = this.act.facts(id);
    if (!facts) return null;
    return { title: facts.said, line: [fmt.pct(facts.sure, 0), wordsOf(facts)[1]].join(", ") };
  }

  /** view: the answers with the labels of now, or null; rows: those that the filter lets through, null for all;
   *  classOf(name) -> the class with its colour. */
  update(view, rows, classOf) {
    this.view = view;
    this.classOf = classOf;
    this.within = null;
    if (view && rows) {
      this.within = new Uint8Array(view.n);
      for (const row of rows) this.within[row] = 1;
    }
    this.paint();
  }

  paint() {
    const { map, view } = this;
    this.drawLegend();
    if (!map || !map.data) return;
    if (!view) return map.paint(null, [], null);
    const index = new Uint16Array(map.data.n).fill(NO_COLOUR), alpha = new Uint8Array(map.data.n).fill(UNANSWERED);
    const look = this.look();
    map.data.ids.forEach((id, place) => {
      const row = view.rows.get(id);
      if (row === undefined) return;
      const left = this.within && !this.within[row], [colour, strength] = look.dot(row);
      index[place] = left ? NO_COLOUR : colour;
      alpha[place] = left ? LEFT_OUT : strength;
    });
    map.paint(index, look.palette, alpha);
  }

  /** {palette, dot(row) -> [place in it, strength]} of the present colouring. */
  look() {
    const { view, mode } = this, scaled = (row) => Math.round(((255 - FAINTEST) * view.sure[row]) / SURE);
    if (mode === "is") {
      const dot = (row) => {
        const is = judged(view, row);
        return [is === "unknown" ? NO_COLOUR : IS.indexOf(is), STRENGTH[is]];
      };
      return { palette: ["var(--bad)", "var(--good)"], dot };
    }
    if (mode === "sure") {
      const faint = (row) => 20 + Math.round((235 * view.sure[row] ** 2) / SURE ** 2);
      return { palette: ["var(--accent-mark)"], dot: (row) => [0, faint(row)] };
    }
    const palette = view.classes.map((name) => classColour(this.classOf(name)));
    return { palette, dot: (row) => [view.said[row], FAINTEST + scaled(row)] };
  }

  // ---- the legend: what a colour means, and a way to see only that
  drawLegend() {
    const { view, mode } = this;
    if (!view) return this.legend.replaceChildren();
    const rows = mode === "sure" ? [] : this.counts();
    const colours = rows.map(([name]) => mode === "said" && this.classOf(name).colour);
    redraw(this.legend, [mode, rows, colours], () => [
      rows.map(([name, n]) => this.key(name, n)),
      mode === "is" ? null : el("span", { class: "small faint" }, t("results.fainter")),
    ]);
  }

  counts() {
    const { view, mode, within } = this, names = mode === "is" ? IS : view.classes.slice(0, view.model);
    const counts = new Map(names.map((name) => [name, 0]));
    for (let row = 0; row < view.n; row++) {
      if (within && !within[row]) continue;
      const name = mode === "is" ? judged(view, row) : view.classes[view.said[row]];
      counts.set(name, counts.get(name) + 1);
    }
    return [...counts].filter(([, n]) => n);
  }

  key(name, n) {
    const is = this.mode === "is";
    const mark = is ? el("span", { class: `mark rm-${name}`, "aria-hidden": "true" }) : classMark(this.classOf(name));
    return el(
      "button",
      {
        type: "button",
        class: "rm-key",
        title: t("review.map_only"),
        dataset: { id: `key-${name}` },
        onclick: () => this.act.narrow({ [is ? "is" : "said"]: name }),
      },
      mark,
      el("span", { class: "clip", dir: "auto" }, is ? t(`review.is_${name}`) : name),
      el("small", {}, fmt.int(n)),
    );
  }
}
