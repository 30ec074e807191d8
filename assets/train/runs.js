// Training runs as the state tells them.

/** @param {Run | null} run */
export const isActive = (run) => Boolean(run) && ["queued", "running"].includes(run.status);
export const isOver = (run) => Boolean(run) && ["stopped", "failed"].includes(run.status);

/** The training runs, newest first.
 *  @param {State | null} state */
export const trainRuns = (state) => ((state && state.runs) || []).filter((run) => run.kind === "train");

/** The run that is shown: one that works or waits; else the one that was asked for, or the newest.
 *  @param {State | null} state
 *  @param {number} asked
 *  @returns {Run | null} */
export function shownOf(state, asked) {
  const runs = trainRuns(state).map((run) => (state.run && state.run.id === run.id ? state.run : run));
  // One works at a time; of those that wait the oldest is next.
  const active = runs.find((run) => run.status === "running") || runs.filter(isActive).pop();
  return active || runs.find((run) => run.id === asked) || runs[0] || null;
}

/** The run of another kind, or of another training, that has to end first. */
export const prerequisite = (state, run) => (state.run && state.run.id !== run.id ? state.run : null);

/** Seconds that a run took, or null. */
export const lasted = (run) => run.seconds;
