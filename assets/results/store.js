// Which run the Results page shows, and what the server tells of it.
import { app } from "../shell/app.js";
import { api } from "../shell/server.js";

export const store = {
  run: 0,
  data: null,
  error: null,
  key: "",
  busy: false,
  listeners: new Set(),
  wanted: new Set(["model"]),
  into: null,
  /** @type {any} what /compare told last */
  compared: null,
  warmed: "", // the project whose result the server has worked out
  exported: 0, // the run that the person chose to export; 0: the one that is proposed
};
export const tell = () => {
  for (const listener of [...store.listeners]) listener();
};

function newsKey(state) { // what has to change before the result can be another one
  const done = (state.runs || []).filter((run) => ["scan", "train", "predict", "export"].includes(run.kind)).map((
    run,
  ) => [run.id, run.status]);
  const classes = (state.classes || []).map((each) => [each.name, each.count, each.colour]);
  return JSON.stringify([store.run, done, state.labels, classes]);
}

/** Ask for the result when it can be another one. */
export async function read() {
  const state = app.state;
  if (!state || !state.project || store.busy || app.page !== "results") return;
  const key = newsKey(state);
  if (key === store.key) return;
  store.busy = true;
  store.key = key;
  try {
    if (!(state.runs || []).some((run) => run.kind === "train")) store.data = null;
    else store.data = await api(`/results?run=${store.run}`);
    store.error = null;
  } catch (error) {
    store.error = error;
  }
  store.busy = false;
  tell();
  read();
}

const whenIdle = globalThis.requestIdleCallback || ((work) => setTimeout(work, 1));

/** Have the server work out the newest result before anybody looks: the first answer takes it far longer. */
export function warm() {
  const { state } = app, { runs = [], project = null } = state || {};
  const there = runs.some((run) => run.kind === "train" && run.status === "done");
  if (!project || !there || app.page === "results" || store.warmed === project.key) return;
  store.warmed = project.key;
  whenIdle(() => api("/results?run=0").catch(() => {})); // an error is told when somebody looks
}

/** Show another run. empty: show none until it is there. */
export async function choose(run, empty = false) {
  store.run = run;
  store.into = null;
  if (empty) {
    store.data = null;
    return tell();
  }
  await read();
}

/** The row of the run that is to be exported, of /compare; null where no run has a model. */
export function toExport() {
  const { compared, data, exported } = store, done = ({ run }) => run.status === "done";
  const row = compared && compared.runs.filter(done).find(({ run }) => run.id === (exported || compared.proposed));
  if (row || !data || !done(data)) return row || null;
  return { run: data.run, export_into: data.export_into };
}

/** The run whose answers there are to look at, and what has to change before they can be others; null without any. */
export function answered() {
  const { data } = store, ready = data && data.run.status === "done" && data.predicted && data.predicted.ready;
  return ready ? { run: data.run.id, key: String(data.predicted.id) } : null;
}
