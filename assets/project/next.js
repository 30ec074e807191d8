// The step that comes next for a project: the page, and the words of the button that leads there.
import { fmt } from "../shell/format.js";
import { counted, t } from "../shell/text.js";

/** How many of the chosen images wait for an answer. */
function waiting(labels) {
  if (!labels) return 0;
  return labels.picks + labels.checks - labels.picks_done - labels.checks_done - (labels.skipped || 0);
}

/** {page, words} of a state: choose, label what is left, train, look at the results.
 *  @param {State} state */
export function nextStep(state) {
  const open = waiting(state.labels), trained = state.runs.filter((run) => run.kind === "train");
  const busy = trained.some((run) => ["queued", "running"].includes(run.status));
  if (!state.selection) return { page: "select", words: t("project.next") };
  if (busy) return { page: "train", words: t("project.next_watch") };
  if (open > 0) return { page: "label", words: counted("project.next_label", open, { n: fmt.int(open) }) };
  if (trained.some((run) => run.status === "done")) return { page: "results", words: t("project.next_results") };
  return { page: "train", words: t("project.next_train") };
}
