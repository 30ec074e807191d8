// The charts of a training run: one plotly figure, extended in place, so that the zoom is kept.
//   const charts = new Charts(host, {words(first) -> text of a phase not begun,
//                                    named(panel, short) -> name of a solver's panel, onZoom(yes)})
//   charts.show(figure)   the whole figure as app/plots.py made it; a zoom stays
//   charts.add(points)    bodies of "point" events, in order
//   charts.knows(point)   whether the figure has a panel for it; else a new figure is needed
// Colours in the figure are names of CSS variables; they are filled in here, again when the theme changes.
import { extend, panelOf } from "./figure.js";
import { loadPlotly } from "./plotly.js";

const ROOM = 46; // px behind the last step, for the value beside its mark
const CONFIG = {
  displayModeBar: false,
  displaylogo: false,
  showSendToCloud: false,
  plotlyServerURL: "",
  responsive: false,
  doubleClick: false,
  scrollZoom: false,
};

// Every "var(--name)" in a figure, replaced by what the theme says it is.
function coloured(value, css) {
  if (typeof value === "string") return value.startsWith("var(") ? css(value) : value;
  if (Array.isArray(value)) {
    return typeof value[0] === "object" ? value.map((each) => coloured(each, css)) : value.slice();
  }
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each, css)]));
  }
  return value;
}

export class Charts {
  constructor(host, options) {
    this.host = host;
    this.options = options;
    this.plotly = null;
    this.plain = null;
    this.drawn = false;
    this.gone = false;
    this.frame = 0;
    this.zoomed = new Set();
    this.sizes = new ResizeObserver(this.redraw);
    this.theme = new MutationObserver(this.redraw);
    this.sizes.observe(this.host);
    this.theme.observe(document.body, { attributes: true, attributeFilter: ["class"] });
  }

  css = (value) => { // "var(--mark)", or with a share of opacity: "var(--mark)@50%"
    const [, name, share] = /^var\((--[\w-]+)\)(?:@(\d+)%)?$/.exec(value);
    const colour = getComputedStyle(this.host).getPropertyValue(name).trim() || "#888888";
    return share ? colour + Math.round(2.55 * Number(share)).toString(16).padStart(2, "0") : colour;
  };

  words(layout, room) {
    const paper = { xref: "paper", yref: "paper", showarrow: false };
    const places = layout.meta.phases.filter((phase) => phase.state === "todo");
    const still = places.flatMap((phase, place) =>
      Object.values(layout.meta.rows).map((row) => ({
        ...paper,
        x: (phase.edges[0] + phase.edges[1]) / 2,
        y: (row[0] + row[1]) / 2,
        xanchor: "center",
        yanchor: "middle",
        text: this.options.words(place === 0),
        font: { size: 12, color: "var(--ink-2)" },
      }))
    );
    const solvers = layout.meta.panels.filter((panel) => panel.panel).map((panel) => ({
      ...paper,
      x: panel.edges[0],
      y: 1,
      yshift: 1,
      xanchor: "left",
      yanchor: "bottom",
      font: { size: 11, color: "var(--ink-2)" },
      align: "left",
      text: this.fitting(panel, (panel.edges[1] - panel.edges[0]) * room),
    }));
    return [...still, ...solvers];
  }

  // A solver's name in one line, in two, or the short one.
  fitting(panel, wide) {
    const name = this.options.named(panel.panel), lines = name.split(", ");
    const takes = (text) => 5.8 * text.length; // px
    if (takes(name) <= wide) return name;
    return Math.max(...lines.map(takes)) <= wide + 12 ? lines.join(",<br>") : this.options.named(panel.panel, true);
  }

  // Behind the last step of a phase there is room for the value beside its mark.
  leaveRoom(layout, room) {
    layout.meta.panels.forEach((panel, place) => {
      const wide = (panel.edges[1] - panel.edges[0]) * room, behind = panel.ends ? Math.min(ROOM, wide / 2) : 4;
      const range = [panel.origin, panel.origin + ((panel.last - panel.origin) * wide) / Math.max(1, wide - behind)];
      for (const number of [place, place + layout.meta.panels.length]) {
        const axis = `xaxis${number ? number + 1 : ""}`;
        layout[axis] = { ...layout[axis], range };
      }
    });
  }

  draw = () => {
    this.frame = 0;
    if (this.gone || !this.plain || !this.plotly || !this.host.clientWidth) return;
    const layout = { ...this.plain.layout, width: this.host.clientWidth, height: this.host.clientHeight };
    const room = this.host.clientWidth - layout.margin.l - layout.margin.r;
    layout.annotations = this.words(layout, room);
    this.leaveRoom(layout, room);
    const full = coloured({ data: this.plain.data, layout }, this.css);
    full.layout.font = { ...full.layout.font, family: getComputedStyle(this.host).fontFamily };
    if (this.drawn) {
      for (const axis of this.zoomed) { // a new figure never takes the person's zoom away
        const now = this.host.layout[axis];
        if (now && full.layout[axis]) Object.assign(full.layout[axis], { range: now.range.slice(), autorange: false });
      }
    }
    if (this.drawn) return void this.plotly.react(this.host, full.data, full.layout, CONFIG);
    this.drawn = true;
    this.plotly.newPlot(this.host, full.data, full.layout, CONFIG);
    this.host.on("plotly_relayout", this.noticeZoom);
    this.host.on("plotly_doubleclick", () => {
      this.reset();
      return false;
    });
  };

  redraw = () => {
    if (!this.frame && !this.gone) this.frame = requestAnimationFrame(this.draw);
  };

  noticeZoom = (change) => {
    for (const key of Object.keys(change)) {
      const [axis, what] = key.split(".");
      if (/^[xy]axis\d*$/.test(axis) && what && what.startsWith("range")) {
        this.zoomed.add(axis);
        for (const twin of this.twins(axis)) this.zoomed.add(twin);
      }
    }
    this.options.onZoom(this.zoomed.size > 0);
  };

  twins(axis) { // axes that move together
    const lead = (name) => (this.host.layout[name].matches || name[0] + name.slice(5)).replace(/^([xy])/, "$1axis");
    return Object.keys(this.host.layout).filter((name) =>
      /^[xy]axis/.test(name) && name[0] === axis[0] && lead(name) === lead(axis)
    );
  }

  reset() {
    this.zoomed.clear();
    this.options.onZoom(false);
    if (this.drawn) {
      this.drawn = false;
      this.plotly.purge(this.host);
    }
    this.redraw();
  }

  async show(figure, version) {
    this.plain = figure;
    this.plotly = await loadPlotly(version);
    this.redraw();
  }

  knows(point) {
    return !this.plain || Boolean(panelOf(this.plain, point));
  }

  add(points) {
    if (!this.plain || !points.length) return;
    points.forEach((point) => extend(this.plain, point));
    this.redraw();
  }

  destroy() {
    this.gone = true;
    this.sizes.disconnect();
    this.theme.disconnect();
    if (this.drawn) this.plotly.purge(this.host);
  }
}
