// The charts of a training run: one plotly figure, extended in place, so that the zoom is kept.
//   const charts = FactCharts.create(host, { words(phase, first) -> text of a phase not begun,
//                                            named(panel, short) -> name of a solver's panel, onZoom(yes) })
//   charts.show(figure)   the whole figure as app/plots.py made it; a zoom stays
//   charts.add(points)    bodies of "point" events, in order
//   charts.knows(point)   whether the figure has a panel for it; else a new figure is needed
// Colours in the figure are names of CSS variables; they are filled in here, again when the theme changes.
(function () {
  "use strict";

  const TWINS = { loss: "check_loss", check_loss: "loss", accuracy: "check_accuracy", check_accuracy: "accuracy" };
  const SERIES = Object.keys(TWINS), CLOSE = 0.07;
  const ROOM = 46; // px behind the last step, for the value beside its mark
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

  function position(apart) { // app/plots.py: text_position
    return apart !== null && Math.abs(apart) < CLOSE ? `${apart > 0 ? "top" : "bottom"} right` : "middle right";
  }

  function lossRange(losses, lowest) { // app/chart_axes.py: loss_range
    const told = losses.filter((each) => each > 0);
    if (!told.length) told.push(lowest * 100);
    const low = Math.max(lowest, Math.min(...told));
    return [low / 1.3, Math.max(low, lowest * 2, ...told) * 1.4];
  }

  function lossTicks(low, high) { // app/chart_axes.py: loss_ticks
    const found = [], digits = high / low > 40 ? [1, 3] : [1, 2, 5];
    for (let power = Math.floor(Math.log10(low)); power < Math.ceil(Math.log10(high)); power += 1) {
      for (const digit of digits) found.push(Number(`${digit}e${power}`));
    }
    return found.filter((each) => each >= low && each <= high);
  }

  function create(host, options) {
    let plain = null, drawn = false, gone = false, frame = 0;
    const zoomed = new Set();
    function css(value) { // "var(--mark)", or with a share of opacity: "var(--mark)@50%"
      const [, name, share] = /^var\((--[\w-]+)\)(?:@(\d+)%)?$/.exec(value);
      const colour = getComputedStyle(host).getPropertyValue(name).trim() || "#888888";
      return share ? colour + Math.round(2.55 * share).toString(16).padStart(2, "0") : colour;
    }

    function words(layout, room) {
      const paper = { xref: "paper", yref: "paper", showarrow: false };
      const places = layout.meta.phases.filter((phase) => phase.state === "todo");
      const still = places.flatMap((phase, place) => Object.values(layout.meta.rows).map((row) => ({
        ...paper, x: (phase.edges[0] + phase.edges[1]) / 2, y: (row[0] + row[1]) / 2, xanchor: "center", yanchor: "middle",
        text: options.words(phase, place === 0), font: { size: 12, color: "var(--ink-2)" },
      })));
      const solvers = layout.meta.panels.filter((panel) => panel.panel).map((panel) => ({
        ...paper, x: panel.edges[0], y: 1, yshift: 1, xanchor: "left", yanchor: "bottom", font: { size: 11, color: "var(--ink-2)" },
        align: "left", text: fitting(panel, (panel.edges[1] - panel.edges[0]) * room),
      }));
      return [...still, ...solvers];
    }

    // A solver's name in one line, in two, or the short one.
    function fitting(panel, wide) {
      const name = options.named(panel.panel), lines = name.split(", ");
      const takes = (text) => 5.8 * text.length; // px
      if (takes(name) <= wide) return name;
      return Math.max(...lines.map(takes)) <= wide + 12 ? lines.join(",<br>") : options.named(panel.panel, true);
    }

    // Behind the last step of a phase there is room for the value beside its mark.
    function leaveRoom(layout, room) {
      layout.meta.panels.forEach((panel, place) => {
        const wide = (panel.edges[1] - panel.edges[0]) * room, behind = panel.ends ? Math.min(ROOM, wide / 2) : 4;
        const range = [panel.origin, panel.origin + ((panel.last - panel.origin) * wide) / Math.max(1, wide - behind)];
        for (const number of [place, place + layout.meta.panels.length]) {
          const axis = `xaxis${number ? number + 1 : ""}`;
          layout[axis] = { ...layout[axis], range };
        }
      });
    }

    function draw() {
      frame = 0;
      if (gone || !plain || !window.Plotly || !host.clientWidth) return;
      const layout = { ...plain.layout, width: host.clientWidth, height: host.clientHeight };
      const room = host.clientWidth - layout.margin.l - layout.margin.r;
      layout.annotations = words(layout, room);
      leaveRoom(layout, room);
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

    function panelOf(point) { // app/curves.py: _panel
      const meta = plain.layout.meta, panels = meta.panels.filter((each) => each.phase === point.phase);
      const name = meta.panel_of[point.part || ""] || "";
      return panels.find((each) => each.panel === name) || (["", "whole"].includes(point.part || "") ? panels[panels.length - 1] : undefined);
    }

    function extend(point) {
      const meta = plain.layout.meta, panel = panelOf(point);
      const phase = meta.phases.find((each) => each.name === point.phase);
      if (!panel || !phase) return;
      phase.step = point.step;
      phase.steps = Math.max(point.steps || 0, point.step);
      panel.last = Math.max(panel.origin + 1, phase.steps);
      const part = point.part || "", turn = panel.part !== part, first = part === "whole" ? point.step + 1 : point.step;
      panel.part = part;
      for (const name of SERIES) {
        const line = plain.data[panel.traces[name]];
        while (line.x.length && line.x[line.x.length - 1] >= first) { line.x.pop(); line.y.pop(); if (line.customdata) line.customdata.pop(); }
        if (point[name] === null || point[name] === undefined) continue;
        for (const value of turn && line.x.length ? [null, point[name]] : [point[name]]) { // a gap before another solver
          line.x.push(point.step);
          line.y.push(value);
          if (line.customdata) line.customdata.push(point.step - panel.origin);
        }
      }
      const losses = plain.data.filter((each) => each.mode === "lines" && each.meta === "loss").flatMap((each) => each.y);
      const [low, high] = lossRange(losses, meta.lowest_loss), ticks = lossTicks(low, high);
      meta.panels.forEach((_, place) => Object.assign(plain.layout[`yaxis${place ? place + 1 : ""}`], {
        range: [Math.log10(low), Math.log10(high)], tickvals: ticks, ticktext: ticks.map(String),
      }));
      for (const name of SERIES) {
        const line = plain.data[panel.traces[name]], end = plain.data[panel.traces[name] + 1], accuracy = name.endsWith("accuracy");
        if (!line.x.length) continue;
        const step = line.x[line.x.length - 1], value = line.y[line.y.length - 1];
        const [twin] = plain.data[panel.traces[TWINS[name]]].y.slice(-1);
        const far = twin === undefined ? null : accuracy ? value - twin : Math.log(Math.max(value, low) / Math.max(twin, low)) / Math.log(high / low);
        Object.assign(end, {
          x: [step], y: [accuracy ? value : Math.max(value, low)], text: [accuracy ? percent(value) : value.toFixed(2)], textposition: position(far),
        });
      }
      const place = meta.panels.indexOf(panel);
      for (const number of [place, place + meta.panels.length]) { // the last step may have moved
        const axis = plain.layout[`xaxis${number ? number + 1 : ""}`], at = axis.tickvals.length - 1;
        if (at >= 0) [axis.tickvals[at], axis.ticktext[at]] = [panel.last, String(panel.last - panel.origin)];
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
      knows: (point) => !plain || Boolean(panelOf(point)),
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
