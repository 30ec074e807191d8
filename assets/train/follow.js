// The training run that is shown, and its events. Everything is rebuilt from the stored events, so a reload or a second
// tab shows the same.
import { app } from "../shell/app.js";
import { api } from "../shell/server.js";
import { onState } from "../shell/state.js";
import { isActive, shownOf } from "./runs.js";

const EVERY = 500, PAUSE = 3000; // ms between two looks; after one that failed
const CHARTED = ["point", "phase_started", "phase_done"]; // kinds of events that change the charts
const listeners = new Set();

/** show: the run that the person wants to see; data: the answer of /chart for the shown run. */
export const shared = { show: 0, data: null, error: null };
const looks = { timer: null, busy: false, pause: 0, labels: "" };

export const shownRun = (state) => shownOf(state, shared.show);

/** The data of that run, or null while it is not here. */
export const dataOf = (run) => (run && shared.data && shared.data.run.id === run.id ? shared.data : null);

/** Show this run from now on. */
export function showRun(id) {
  shared.show = id;
  shared.data = null;
}

/** Draw now, and again whenever the state or the run's events have news. Returns what ends it. */
export function follow(draw) {
  const off = onState(draw);
  listeners.add(draw);
  draw();
  if (!looks.timer) look();
  return () => {
    off();
    listeners.delete(draw);
  };
}

export function tell() {
  for (const listener of [...listeners]) listener();
}

async function look() {
  clearTimeout(looks.timer);
  looks.timer = setTimeout(look, EVERY);
  const run = shownRun(app.state), data = dataOf(run);
  if (!run || looks.busy || document.hidden || performance.now() < looks.pause) return;
  looks.busy = true;
  try {
    const labels = JSON.stringify(app.state.labels);
    const old = !data || data.run.status !== run.status;
    if (old || (!isActive(run) && labels !== looks.labels)) {
      looks.labels = labels;
      await load(run);
    } else if (isActive(run)) await news(run);
  } finally {
    looks.busy = false;
  }
}

async function load(run) {
  try {
    const data = await api(`/chart?run=${run.id}`);
    if (data.run.id !== run.id) return;
    Object.assign(shared, { data, error: null });
  } catch (error) {
    shared.error = error;
    looks.pause = performance.now() + PAUSE;
  }
  tell();
}

async function news(run) {
  let answer;
  try {
    answer = await api(`/events?run=${run.id}&since=${shared.data.cursor}`);
  } catch {
    return;
  }
  const { events, cursor } = answer, data = dataOf(run);
  if (!events.length || !data) return;
  if (events.some((event) => CHARTED.includes(event.kind))) return load(run); // Python alone computes the charts
  data.cursor = cursor;
  for (const event of events) {
    if (event.kind === "progress") data.progress = event.body;
    else data.log.push(event);
    if (event.kind === "saved") data.saved = event.body;
  }
  tell();
}
