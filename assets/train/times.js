// How long a training with the form's values takes: asked of the server, which alone knows how to reckon.
import { app } from "../shell/app.js";
import { api } from "../shell/server.js";
import { tell } from "./follow.js";

const STILL = 400; // ms without a change until it is asked
const NOTHING = { seconds: null, efforts: {}, proposed: "", recipes: {}, same: null, seed: 0 };
/** config: the form's values; of: what the answer is, or will be, an answer to; waits: the timer. */
const times = { config: null, answer: NOTHING, of: "", waits: null };

/** The form's values are others now. */
export function weigh(names, values) {
  const before = JSON.stringify(times.config);
  times.config = Object.fromEntries(names.map((name, place) => [name, values[place]]));
  times.of = ""; // until the answer is there, the old times stand
  if (JSON.stringify(times.config) !== before) times.answer = { ...times.answer, same: null };
  expected();
}

/** The form's values, or null before Gradio has told them. */
export const formValues = () => times.config;

/** {seconds, efforts, proposed, recipes, same, seed} as known by now (app/pages/train/time_routes.py). Asks again after
 *  a change of values, labels or runs, while the page is shown; the listeners are told of the answer. */
export function expected() {
  const { labels, runs, project } = app.state || {};
  const of = JSON.stringify([project && project.key, labels, (runs || []).map((run) => [run.id, run.status])]);
  if (!times.config || app.page !== "train" || of === times.of) return times.answer;
  times.of = of;
  clearTimeout(times.waits);
  times.waits = setTimeout(async () => {
    const answer = await api("/expected", { config: times.config }).catch(() => NOTHING);
    if (times.of !== of) return;
    times.answer = answer;
    tell();
  }, STILL);
  return times.answer;
}
