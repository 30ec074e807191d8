// The figure of app/pages/train/plots.py, brought into a window: what depends on its width, and the theme's colours.

const ROOM = 46, RIM = 4; // px behind the last step of a phase, for the value beside its mark; behind one that goes on
const LETTER = 5.8; // px that a letter takes, about
const SPARE = 12; // px that a name may reach beyond its panel

/** The whole figure for plotly. The one that was given stays as it is.
 *  @param {Figure} figure
 *  @param {{width: number, height: number}} size
 *  @param {{words(first: boolean): string, named(panel: string, short: boolean): string, folded?: string}} options
 *    folded: what stands where the solvers' losses would be drawn; without it they are
 *  @param {(variable: string) => string} css  what the theme says of "var(--name)"
 *  @returns {Figure} */
export function fitted(figure, size, options, css) {
  const { margin, meta } = figure.layout, room = size.width - margin.l - margin.r;
  const alone = options.folded && allSolvers(meta), folded = options.folded && !alone;
  const named = folded ? foldedNote(meta, options.folded) : panelNames(meta, room, options.named);
  const annotations = [...todoNotes(meta, options.words), ...named];
  const data = options.folded ? withoutSolvers(figure.data, meta.panels) : figure.data;
  const given = { ...figure.layout, ...size, ...ranges(figure.layout, room), annotations };
  const layout = withoutNumbers(data, given);
  return coloured(alone ? accuracyAlone(data, layout) : { data, layout }, css);
}

/** Whether there are no losses but those of the light model's solvers. */
export const allSolvers = ({ panels }) => panels.length > 0 && panels.every((each) => each.panel);

/** Axes on which nothing is drawn have no numbers: those of the steps, and those of a row that is empty as a whole. */
function withoutNumbers(data, layout) {
  const n = layout.meta.panels.length, number = (name) => Number(/(\d*)$/.exec(name)[1] || 1);
  const isSeen = ({ visible, y }) => visible !== false && y.some((value) => value !== null);
  const told = new Set(data.filter(isSeen).map(({ yaxis = "y" }) => number(yaxis)));
  const isEmpty = (name) =>
    name[0] === "x" ? !told.has(number(name)) : ![...told].some((each) => each > n === number(name) > n);
  const axes = Object.entries(layout).filter(([name]) => /^[xy]axis/.test(name) && isEmpty(name));
  return {
    ...layout,
    ...Object.fromEntries(axes.map(([name, axis]) => [name, { ...axis, tickvals: [], ticktext: [] }])),
  };
}

const LOW = 24, LINE = 14; // px over the only row, for the solvers' names; for the second line of one

/** The row of the accuracies alone, in the whole height: half a window without a line helps nobody. */
function accuracyAlone(data, layout) {
  const n = layout.meta.panels.length, isLoss = (name) => Number(/^[xy](?:axis)?(\d*)$/.exec(name)?.[1] || 1) <= n;
  const kept = Object.entries(layout).filter(([name]) => !/^[xy]axis/.test(name) || !isLoss(name));
  const axes = kept.map(([name, each]) => {
    if (/^xaxis/.test(name)) return [name, { ...each, matches: undefined }]; // it moved with that of the loss
    return [name, /^yaxis/.test(name) ? { ...each, domain: [0, 1] } : each];
  });
  const two = layout.annotations.some(({ text }) => text.includes("<br>"));
  const margin = { ...layout.margin, t: two ? LOW + LINE : LOW };
  const shown = data.filter(({ yaxis }) => !isLoss(yaxis));
  return { data: shown, layout: { ...Object.fromEntries(axes), margin } };
}

// A solver's loss goes up and down on its way, which says nothing about how good the model is.
function withoutSolvers(data, panels) {
  const hidden = new Set(panels.flatMap(({ panel }, place) => (panel ? [`y${place ? place + 1 : ""}`] : [])));
  return data.map((trace) => (hidden.has(trace.yaxis) ? { ...trace, visible: false } : trace));
}

/** In place of the solvers' losses: where they are. */
function foldedNote(meta, text) {
  const solvers = meta.panels.filter((each) => each.panel), [low, high] = meta.rows.loss;
  if (!solvers.length) return [];
  const x = (solvers[0].edges[0] + solvers[solvers.length - 1].edges[1]) / 2,
    font = { size: 12, color: "var(--ink-2)" };
  return [{ ...PAPER, x, y: (low + high) / 2, xanchor: "center", yanchor: "middle", text, font }];
}

/** Every "var(--name)" in a figure, replaced by what the theme says it is. */
export function coloured(value, css) {
  if (typeof value === "string") return value.startsWith("var(") ? css(value) : value;
  if (Array.isArray(value)) {
    return typeof value[0] === "object" ? value.map((each) => coloured(each, css)) : value.slice();
  }
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, coloured(each, css)]));
  }
  return value;
}

/** Axes of steps that leave room behind the last step for the value beside its mark. */
function ranges(layout, room) {
  const { panels } = layout.meta, found = {};
  panels.forEach(({ edges, ends, origin, last }, place) => {
    const wide = (edges[1] - edges[0]) * room, behind = ends ? Math.min(ROOM, wide / 2) : RIM;
    const range = [origin, origin + ((last - origin) * wide) / Math.max(1, wide - behind)];
    for (const number of [place, place + panels.length]) {
      const axis = `xaxis${number ? number + 1 : ""}`;
      found[axis] = { ...layout[axis], range };
    }
  });
  return found;
}

const PAPER = { xref: "paper", yref: "paper", showarrow: false };

/** Words in the still field of a phase that has not begun. */
function todoNotes(meta, words) {
  const middle = ([from, to]) => (from + to) / 2, font = { size: 12, color: "var(--ink-2)" };
  const phases = meta.phases.filter((phase) => phase.state === "todo"), rows = Object.values(meta.rows);
  return phases.flatMap((phase, place) =>
    rows.map((row) => ({
      ...PAPER,
      x: middle(phase.edges),
      y: middle(row),
      xanchor: "center",
      yanchor: "middle",
      text: words(place === 0),
      font,
    }))
  );
}

/** The name of each solver over its panel. */
function panelNames(meta, room, named) {
  const look = { y: 1, yshift: 1, xanchor: "left", yanchor: "bottom", align: "left" };
  const font = { size: 11, color: "var(--ink-2)" };
  return meta.panels.filter((each) => each.panel).map(({ panel, edges }) => {
    const text = nameFor((edges[1] - edges[0]) * room, named(panel, false), named(panel, true));
    return { ...PAPER, ...look, x: edges[0], font, text };
  });
}

/** A name in one line, in two, or the short one: what fits into so many px. */
export function nameFor(wide, name, short) {
  const lines = name.split(", "), takes = (text) => LETTER * text.length;
  if (takes(name) <= wide) return name;
  return Math.max(...lines.map(takes)) <= wide + SPARE ? lines.join(",<br>") : short;
}
