// Figures and names of a training in words.
import { knows, t } from "../shell/text.js";

/** A phase's title, as the figure of the run tells it; data may be null. */
export function phaseTitle(data, name) {
  const phase = data && data.figure.layout.meta.phases.find((each) => each.name === name);
  if (phase) return phase.title;
  return knows(`phase.${name}`) ? t(`phase.${name}`) : name;
}

const none = (value) => value === null || value === undefined;
export const low = (value) => Math.floor(100 * value);
export const high = (value) => Math.ceil(100 * value);
export const share = (value) => (none(value) ? "–" : `${(100 * value).toFixed(1)} %`);
export const number = (value) => (none(value) ? "–" : value.toFixed(2));

/** Within a sentence; "LoRA finetune" and "L-BFGS" stay as they are. */
export const lower = (text) => (/^[A-Z][a-z-]*( |$)/.test(text) ? text.charAt(0).toLowerCase() + text.slice(1) : text);

/** What is under way between the points of the curves: the progress with its words; null while the curves move. */
export function partOf(data) {
  const progress = data && data.progress, key = progress && `train.part.${progress.step}`;
  return progress && knows(key) ? { ...progress, words: t(key) } : null;
}
