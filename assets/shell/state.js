// The newest state of the project, polled; and the runs that change it.
import { app } from "./app.js";
import { inSentences, shut, tellTrouble } from "./notices.js";
import { renewPictures, scanned } from "./pictures.js";
import { api, setOffline } from "./server.js";
import { t } from "./text.js";

const WORKING = 500, LABELING = 1000, IDLE = 3000, LONGEST = 10000; // ms between two looks; others label too
const listeners = new Set();
let timer = null, pause = IDLE, polling = null;
let identity = ""; // of the project that this window shows

/** Hear of every new state, and of the present one now. Returns what ends it.
 *  @param {(state: State) => void} listener */
export function onState(listener) {
  listeners.add(listener);
  if (app.state) listener(app.state);
  return () => listeners.delete(listener);
}

function tell() {
  document.body.dataset.run = app.state.run ? app.state.run.status : "idle";
  for (const listener of [...listeners]) {
    try {
      listener(app.state);
    } catch (problem) {
      console.error(problem);
    }
  }
}

const calm = () => (app.state && app.state.run ? WORKING : app.page === "label" ? LABELING : IDLE);

async function poll() {
  clearTimeout(timer);
  try {
    const known = app.state ? `?known=${app.state.version}` : "";
    const fresh = app.key ? await api(`/state${known}`) : await api("/x/app");
    setOffline(false);
    const other = Boolean(identity && fresh.project && fresh.project.id !== identity);
    tellTrouble(other ? t("changed") : fresh.full ? t("full") : "");
    if (!fresh.unchanged && !other) take(fresh);
    pause = calm();
  } catch (problem) {
    if (problem.status === 403) shut();
    else if (problem.status) lose(problem);
    pause = Math.min(pause * 1.6, LONGEST);
  }
  // A hidden page asks seldom: it is told everything when it comes back.
  timer = setTimeout(refreshState, document.hidden ? Math.max(pause, LONGEST) : pause);
}

function take(fresh) {
  const back = app.state && app.state.problem, seen = app.state && !back ? scanned() : null;
  identity = fresh.project ? fresh.project.id : identity;
  app.state = fresh;
  tell();
  if (seen !== null && seen !== scanned()) renewPictures();
  if (back) document.dispatchEvent(new CustomEvent("fs:offline", { detail: false })); // pictures are asked for again
}

// The project of the address does not answer: no state but the reason.
function lose(problem) {
  if (identity) tellTrouble(inSentences(problem)); // of an address of no project the Project page tells
  if (app.state && app.state.problem && app.state.problem.what === problem.what) return;
  const none = { project: null, run: null, runs: [], classes: [], counts: null, selection: null, labels: null };
  app.state = { version: "", ...none, steps: [], problem };
  tell();
}

/** Ask for the state now; once, however many want it. */
export function refreshState() {
  polling = polling || poll().finally(() => {
    polling = null;
  });
  return polling;
}

/** Ask when the window comes back. */
export function watchWindow() {
  document.addEventListener("visibilitychange", () => document.hidden || refreshState());
  addEventListener("online", refreshState);
}

/** Queue a run: startRun("select", {budget: "50"}) -> its id.
 *  @param {string} kind
 *  @param {Record<string, any>} [config]
 *  @returns {Promise<number>} */
export async function startRun(kind, config = {}) {
  const { run } = await api("/run", { kind, config });
  await refreshState();
  return run;
}

export const stopRun = (run) => api("/stop", { run }).then(refreshState);
export const resumeRun = (run) => api("/resume", { run }).then(refreshState);

/** What labels, roles and the pool are known by: it stays while a run at work tells of its steps. */
export const stampNow = () => app.state.version.split(".").slice(0, 2).join(".");
