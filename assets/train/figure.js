// Later points of a training run, put into the figure that app/plots.py made. The figure is changed in place.
// What this file computes anew for a point is what Python computes for a whole run; it says where.

const TWINS = { loss: "check_loss", check_loss: "loss", accuracy: "check_accuracy", check_accuracy: "accuracy" };
const SERIES = Object.keys(TWINS);
const CLOSE = 0.07; // share of the axis: ends of lines that are closer would write over each other

const last = (list) => list[list.length - 1];
const axisOf = (kind, number) => `${kind}axis${number ? number + 1 : ""}`;

/** The panel of the figure that a point belongs to, or undefined. As app/curves.py: _panel.
 *  @param {Figure} figure
 *  @param {Point} point */
export function panelOf(figure, point) {
  const meta = figure.layout.meta, panels = meta.panels.filter((each) => each.phase === point.phase);
  const name = meta.panel_of[point.part || ""] || "", whole = ["", "whole"].includes(point.part || "");
  return panels.find((each) => each.panel === name) || (whole ? last(panels) : undefined);
}

/** Put a point in, a body of a "point" event.
 *  @param {Figure} figure
 *  @param {Point} point */
export function extend(figure, point) {
  const meta = figure.layout.meta, panel = panelOf(figure, point);
  const phase = meta.phases.find((each) => each.name === point.phase);
  if (!panel || !phase) return;
  phase.step = point.step;
  phase.steps = Math.max(point.steps || 0, point.step);
  panel.last = Math.max(panel.origin + 1, phase.steps);
  addPoint(figure, panel, point);
  const range = rescale(figure);
  for (const name of SERIES) drawEnd(figure, panel, name, range);
  moveLastStep(figure, panel);
}

function addPoint(figure, panel, point) {
  const part = point.part || "", turn = panel.part !== part, first = part === "whole" ? point.step + 1 : point.step;
  panel.part = part;
  for (const name of SERIES) {
    const line = figure.data[panel.traces[name]], value = point[name];
    while (line.x.length && last(line.x) >= first) for (const each of columns(line)) each.pop();
    if (value === null || value === undefined) continue;
    for (const each of turn && line.x.length ? [null, value] : [value]) { // a gap before another solver
      line.x.push(point.step);
      line.y.push(each);
      if (line.customdata) line.customdata.push(point.step - panel.origin);
    }
  }
}

const columns = (line) => [line.x, line.y, line.customdata].filter(Boolean);

/** All panels share one axis of losses. Its ends.
 *  @returns {[number, number]} */
function rescale(figure) {
  const { panels, lowest_loss: lowest } = figure.layout.meta;
  const lines = figure.data.filter((each) => each.mode === "lines" && each.meta === "loss");
  const range = lossRange(lines.flatMap((each) => each.y), lowest), ticks = lossTicks(...range);
  const axis = { range: range.map(Math.log10), tickvals: ticks, ticktext: ticks.map(String) };
  panels.forEach((_, place) => Object.assign(figure.layout[axisOf("y", place)], axis));
  return range;
}

function drawEnd(figure, panel, name, [low, high]) {
  const at = panel.traces[name], line = figure.data[at], accuracy = name.endsWith("accuracy");
  if (!line.x.length) return;
  const value = last(line.y), twin = last(figure.data[panel.traces[TWINS[name]]].y);
  const above = (each) => Math.max(each, low);
  const ratio = () => Math.log(above(value) / above(twin)) / Math.log(high / low);
  const apart = twin === undefined ? null : accuracy ? value - twin : ratio();
  Object.assign(figure.data[at + 1], {
    x: [last(line.x)],
    y: [accuracy ? value : above(value)],
    text: [accuracy ? `${(100 * value).toFixed(1)} %` : value.toFixed(2)],
    textposition: textPosition(apart),
  });
}

function moveLastStep(figure, panel) {
  const { panels } = figure.layout.meta, place = panels.indexOf(panel);
  for (const number of [place, place + panels.length]) {
    const { tickvals, ticktext } = figure.layout[axisOf("x", number)], at = tickvals.length - 1;
    if (at >= 0) [tickvals[at], ticktext[at]] = [panel.last, String(panel.last - panel.origin)];
  }
}

/** app/plots.py: text_position. */
export function textPosition(apart) {
  return apart !== null && Math.abs(apart) < CLOSE ? `${apart > 0 ? "top" : "bottom"} right` : "middle right";
}

/** app/chart_axes.py: loss_range.
 *  @returns {[number, number]} */
export function lossRange(losses, lowest) {
  const told = losses.filter((each) => each > 0);
  if (!told.length) told.push(lowest * 100);
  const low = Math.max(lowest, Math.min(...told));
  return [low / 1.3, Math.max(low, lowest * 2, ...told) * 1.4];
}

/** app/chart_axes.py: loss_ticks. */
export function lossTicks(low, high) {
  const found = [], digits = high / low > 40 ? [1, 3] : [1, 2, 5];
  for (let power = Math.floor(Math.log10(low)); power < Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of digits) found.push(Number(`${digit}e${power}`));
  }
  return found.filter((each) => each >= low && each <= high);
}
