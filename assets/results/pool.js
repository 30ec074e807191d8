// The pool as the model predicts it: the map in the classes' colours, a legend, and the table to take away.
import { PoolMap } from "../map/map.js";
import { app } from "../shell/app.js";
import { classColour, classMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { keyed } from "../shell/key.js";
import { toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";
import { classOf } from "./words.js";

const NONE = 65535; // place in the palette of a dot without a colour of its own
const UNKNOWN = 90, FAINTEST = 70; // strength (0..255) of a dot without a prediction, of one that is least sure

export class Pool {
  constructor() {
    this.map = null;
    this.answers = null; // the predictions
    this.shown = ""; // of which run they are
    this.host = el("div", { class: "results-map" });
    this.legend = el("ul", { class: "results-legend" });
    this.csv = el("a", { class: "btn slim push", download: "" }, icon("download"), t("results.csv"));
    this.none = el("p", { class: "small" }, t("results.no_map"));
    const line = el("div", { class: "results-line" }, el("h2", {}, t("results.pool")), this.csv);
    this.node = el("section", { class: "part results-pool" }, line, this.none, this.host, this.legend);
  }

  destroy() {
    this.map?.destroy();
  }

  update(data) {
    const picture = app.state.map && app.state.map.kind, ready = data.predicted && data.predicted.ready;
    this.none.hidden = Boolean(picture);
    this.host.hidden = !picture;
    if (picture) {
      this.map = this.map || this.makeMap();
      this.map.follow(app.state.map);
    }
    this.node.hidden = data.run.status !== "done";
    this.csv.hidden = !ready;
    this.csv.setAttribute("href", keyed(`/x/${app.key}/predictions.csv?run=${data.run.id}`));
    this.follow(data.run.id, ready ? `${data.run.id}:${data.predicted.id}` : "").catch(toast);
  }

  makeMap() {
    return new PoolMap(this.host, {
      label: t("results.map_label"),
      describe: (id) => this.describe(id),
      onPicture: () => this.paint(),
      onPick() {},
    });
  }

  async follow(run, key) {
    if (key === this.shown) return;
    this.shown = key;
    this.answers = null;
    this.legend.replaceChildren();
    if (!key) return this.paint();
    const found = read(await api(`/predictions?run=${run}`, undefined, { raw: true }));
    if (this.shown !== key) return;
    this.answers = found;
    this.drawLegend();
    this.paint();
  }

  drawLegend() {
    const { classes, y } = this.answers, present = new Set(y);
    const line = (name) => el("li", {}, classMark(classOf(name)), el("span", { class: "clip" }, name));
    const fainter = el("li", { class: "faint" }, t("results.fainter"));
    this.legend.replaceChildren(...classes.filter((_, i) => present.has(i)).map(line), fainter);
  }

  describe(id) {
    const { answers } = this, row = answers ? answers.rows.get(id) : undefined;
    if (row === undefined) return null;
    return { title: answers.classes[answers.y[row]], line: fmt.pct(answers.sure[row] / 255, 0) };
  }

  paint() {
    const { map, answers } = this;
    if (!map || !map.data) return;
    if (!answers) return map.paint(null, [], null);
    const index = new Uint16Array(map.data.n).fill(NONE), alpha = new Uint8Array(map.data.n).fill(UNKNOWN);
    map.data.ids.forEach((id, place) => {
      const row = answers.rows.get(id);
      if (row === undefined) return;
      index[place] = answers.y[row];
      alpha[place] = FAINTEST + Math.round(((255 - FAINTEST) * answers.sure[row]) / 255);
    });
    map.paint(index, answers.classes.map((name) => classColour(classOf(name))), alpha);
  }
}

/** The answer of /predictions: header length, header, ids, classes, how sure (0..255). */
function read(buffer) {
  const length = new DataView(buffer).getUint32(0, true), start = 4 + length;
  const { n, classes } = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const ids = new Int32Array(buffer, start, n), rows = new Map();
  ids.forEach((id, row) => rows.set(id, row));
  return {
    classes,
    rows,
    y: new Uint16Array(buffer, start + 4 * n, n),
    sure: new Uint8Array(buffer, start + 6 * n, n),
  };
}
