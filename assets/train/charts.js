// The charts of a training run: one plotly figure. A new one takes its place in the same node: the zoom is kept.
//   const charts = new Charts(host, {words(first) -> text of a phase not begun,
//                                    named(panel, short) -> name of a solver's panel, onZoom(yes),
//                                    folded: see fitted() in figure.js})
//   charts.show(figure, version)   the figure as app/pages/train/plots.py made it; version: of plotly.js
// Colours in the figure are names of CSS variables; they are filled in here, again when the theme changes.
import { fitted } from "./figure.js";
import { loadPlotly } from "./plotly.js";

const CONFIG = {
  displayModeBar: false,
  displaylogo: false,
  showSendToCloud: false,
  plotlyServerURL: "",
  responsive: false,
  doubleClick: false,
  scrollZoom: false,
};

export class Charts {
  constructor(host, options) {
    this.host = host;
    this.options = options;
    this.plotly = null;
    /** @type {Figure | null} */
    this.figure = null;
    this.drawn = false;
    this.gone = false;
    this.frame = 0;
    this.zoomed = new Set(); // axes that the person zoomed
    this.sizes = new ResizeObserver(() => this.redraw());
    this.theme = new MutationObserver(() => this.redraw());
    this.sizes.observe(host);
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  destroy() {
    this.gone = true;
    this.sizes.disconnect();
    this.theme.disconnect();
    if (this.drawn) this.plotly.purge(this.host);
  }

  async show(figure, version) {
    this.figure = figure;
    this.plotly = await loadPlotly(version);
    this.redraw();
  }

  redraw() {
    if (!this.frame && !this.gone) this.frame = requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.frame = 0;
    const { host, figure, plotly } = this, size = { width: host.clientWidth, height: host.clientHeight };
    if (this.gone || !figure || !plotly || !size.width) return;
    const { data, layout } = fitted(figure, size, this.options, (value) => this.css(value));
    layout.font = { ...layout.font, family: getComputedStyle(host).fontFamily };
    if (!this.drawn) return this.begin(data, layout);
    for (const axis of this.zoomed) { // a new figure never takes the person's zoom away
      const now = host.layout[axis];
      if (now && layout[axis]) Object.assign(layout[axis], { range: now.range.slice(), autorange: false });
    }
    plotly.react(host, data, layout, CONFIG);
  }

  begin(data, layout) {
    this.drawn = true;
    this.plotly.newPlot(this.host, data, layout, CONFIG);
    this.host.on("plotly_relayout", (change) => this.noticeZoom(change));
    this.host.on("plotly_doubleclick", () => {
      this.reset();
      return false;
    });
  }

  css(value) { // "var(--mark)", or with a share of opacity: "var(--mark)@50%"
    const [, name, share] = /^var\((--[\w-]+)\)(?:@(\d+)%)?$/.exec(value);
    const colour = getComputedStyle(this.host).getPropertyValue(name).trim() || "#888888";
    return share ? colour + Math.round(2.55 * Number(share)).toString(16).padStart(2, "0") : colour;
  }

  // ---- zoom
  noticeZoom(change) {
    for (const key of Object.keys(change)) {
      const [axis, what] = key.split(".");
      if (/^[xy]axis\d*$/.test(axis) && what && what.startsWith("range")) {
        for (const each of this.twins(axis)) this.zoomed.add(each);
      }
    }
    this.options.onZoom(this.zoomed.size > 0);
  }

  twins(axis) { // the axis and those that move with it
    const { layout } = this.host;
    const lead = (name) => (layout[name].matches || name[0] + name.slice(5)).replace(/^([xy])/, "$1axis");
    const alike = (name) => /^[xy]axis/.test(name) && name[0] === axis[0] && lead(name) === lead(axis);
    return [axis, ...Object.keys(layout).filter(alike)];
  }

  reset() {
    this.zoomed.clear();
    this.options.onZoom(false);
    if (this.drawn) this.plotly.purge(this.host);
    this.drawn = false;
    this.redraw();
  }
}
