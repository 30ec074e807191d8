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
};
export const tell = () => {
  for (const listener of [...store.listeners]) listener();
};

function newsKey(state) { // what has to change before the result can be another one
  const done = (state.runs || []).filter((run) => ["train", "predict", "export"].includes(run.kind)).map((
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

/** Show another run. */
export function choose(run) {
  store.run = run;
  store.into = null;
  read();
}

/** The run whose answers there are to look at, and what has to change before they can be others; null without any. */
export function answered() {
  const { data } = store, ready = data && data.run.status === "done" && data.predicted && data.predicted.ready;
  return ready ? { run: data.run.id, key: String(data.predicted.id) } : null;
}
