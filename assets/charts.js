// The charts of a training run: one plotly figure, extended in place, so that the zoom is kept.
//   const charts = FactCharts.create(host, { words(phase) -> text of a phase not begun, onZoom(yes) })
//   charts.show(figure)   the whole figure as app/plots.py made it; a zoom stays
//   charts.add(points)    bodies of "point" events, in order
// Colours in the figure are names of CSS variables; they are filled in here, again when the theme changes.
(function () {
  "use strict";

  const TWINS = { loss: "check_loss", check_loss: "loss", accuracy: "check_accuracy", check_accuracy: "accuracy" };
  const SERIES = Object.keys(TWINS), CLOSE = 0.06;
  const CONFIG = {
    displayModeBar: false, displaylogo: false, showSendToCloud: false, plotlyServerURL: "",
    responsive: false, doubleClick: false, scrollZoom: false,
  };
  let loading = null;

  function load(version) {
    if (window.Plotly) return Promise.resolve(window.Plotly);
    loading = loading || new Promise((done, fail) => {
      const script = document.createElement("script");
      script.src = `/x/plotly.js?v=${encodeURIComponent(version || "")}`;
      script.onload = () => (window.Plotly ? done(window.Plotly) : fail(new Error("plotly")));
      script.onerror = () => { loading = null; fail(new Error("plotly")); };
      document.head.append(script);
    });
    return loading;
  }

  // Every "var(--name)" in a figure, replaced by what the theme says it is.
  function coloured(value, css) {
    if (typeof value === "string") return value.startsWith("var(") ? css(value) : value;
    if (Array.isArray(value)) return typeof value[0] === "object" ? value.map((each) => coloured(each, css)) : value.slice();
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each, css)]));
    }
    return value;
  }

  function percent(value) { return `${(100 * value).toFixed(1)} %`; }

  function position(step, steps, high, apart) { // app/plots.py: text_position
    const room = step <= 0.7 * steps;
    if (apart !== null && Math.abs(apart) < CLOSE) return `${apart > 0 ? "top" : "bottom"} ${room ? "right" : "left"}`;
    return room ? "middle right" : high ? "bottom left" : "top left";
  }

  function create(host, options) {
    let plain = null, drawn = false, gone = false, frame = 0;
    const zoomed = new Set();
    function css(value) { // "var(--mark)", or with a share of opacity: "var(--mark)@50%"
      const [, name, share] = /^var\((--[\w-]+)\)(?:@(\d+)%)?$/.exec(value);
      const colour = getComputedStyle(host).getPropertyValue(name).trim() || "#888888";
      return share ? colour + Math.round(2.55 * share).toString(16).padStart(2, "0") : colour;
    }

    function words(layout) {
      const places = layout.meta.phases.filter((phase) => phase.state === "todo");
      return places.flatMap((phase) => Object.values(layout.meta.rows).map((row) => ({
        xref: "paper", yref: "paper", x: (phase.edges[0] + phase.edges[1]) / 2, y: (row[0] + row[1]) / 2,
        xanchor: "center", yanchor: "middle", text: options.words(phase), showarrow: false, font: { size: 12, color: "var(--ink-2)" },
      })));
    }

    function draw() {
      frame = 0;
      if (gone || !plain || !window.Plotly || !host.clientWidth) return;
      const layout = { ...plain.layout, annotations: words(plain.layout), width: host.clientWidth, height: host.clientHeight };
      if (host.clientWidth < 560) layout.margin = { ...layout.margin, l: 44, r: 12 };
      const full = coloured({ data: plain.data, layout }, css);
      full.layout.font = { ...full.layout.font, family: getComputedStyle(host).fontFamily };
      if (drawn) for (const axis of zoomed) { // a new figure never takes the person's zoom away
        const now = host.layout[axis];
        if (now && full.layout[axis]) Object.assign(full.layout[axis], { range: now.range.slice(), autorange: false });
      }
      if (drawn) return void window.Plotly.react(host, full.data, full.layout, CONFIG);
      drawn = true;
      window.Plotly.newPlot(host, full.data, full.layout, CONFIG);
      host.on("plotly_relayout", noticeZoom);
      host.on("plotly_doubleclick", () => { reset(); return false; });
    }

    function redraw() { if (!frame && !gone) frame = requestAnimationFrame(draw); }

    function noticeZoom(change) {
      for (const key of Object.keys(change)) {
        const [axis, what] = key.split(".");
        if (/^[xy]axis\d*$/.test(axis) && what && what.startsWith("range")) {
          zoomed.add(axis);
          for (const twin of twins(axis)) zoomed.add(twin);
        }
      }
      options.onZoom(zoomed.size > 0);
    }

    function twins(axis) { // axes that move together
      const lead = (name) => (host.layout[name].matches || name[0] + name.slice(5)).replace(/^([xy])/, "$1axis");
      return Object.keys(host.layout).filter((name) => /^[xy]axis/.test(name) && name[0] === axis[0] && lead(name) === lead(axis));
    }

    function reset() {
      zoomed.clear();
      options.onZoom(false);
      if (drawn) { drawn = false; window.Plotly.purge(host); }
      redraw();
    }

    function extend(point) {
      const meta = plain.layout.meta, where = meta.traces[point.phase];
      const phase = meta.phases.find((each) => each.name === point.phase);
      if (!where || !phase) return;
      phase.step = point.step;
      phase.steps = Math.max(point.steps || 0, point.step);
      for (const name of SERIES) {
        const line = plain.data[where[name]];
        while (line.x.length && line.x[line.x.length - 1] >= point.step) { line.x.pop(); line.y.pop(); }
        if (point[name] !== null && point[name] !== undefined) { line.x.push(point.step); line.y.push(point[name]); }
      }
      const span = Math.max(1e-9, ...plain.data.filter((each) => each.mode === "lines" && each.meta === "loss").flatMap((each) => each.y));
      for (const name of SERIES) {
        const line = plain.data[where[name]], end = plain.data[where[name] + 1], accuracy = name.endsWith("accuracy");
        if (!line.x.length) continue;
        const step = line.x[line.x.length - 1], value = line.y[line.y.length - 1];
        const twin = plain.data[where[TWINS[name]]].y.slice(-1), apart = twin.length ? (value - twin[0]) / (accuracy ? 1 : span) : null;
        Object.assign(end, {
          x: [step], y: [value], text: [accuracy ? percent(value) : value.toFixed(2)],
          textposition: position(step, phase.steps, accuracy && value > 0.9, apart),
        });
      }
    }

    const sizes = new ResizeObserver(redraw), theme = new MutationObserver(redraw);
    sizes.observe(host);
    theme.observe(document.body, { attributes: true, attributeFilter: ["class"] });

    return {
      get figure() { return plain; },
      async show(figure, version) {
        plain = figure;
        await load(version);
        redraw();
      },
      add(points) {
        if (!plain || !points.length) return;
        points.forEach(extend);
        redraw();
      },
      reset, redraw,
      clearZoom() { zoomed.clear(); options.onZoom(false); },
      destroy() {
        gone = true;
        sizes.disconnect();
        theme.disconnect();
        if (drawn) window.Plotly.purge(host);
      },
    };
  }

  window.FactCharts = { create };
})();
