// The page's sentences, as app/shell/text.py tells them.
import { int } from "./numbers.js";

let words = {};

/** Take the sentences: key -> text with {places}. */
export function setWords(told) {
  words = told;
}

/** Whether there is a sentence of that key. */
export const knows = (key) => key in words;

/** The sentence of a key, its {places} filled in, with no line's end before a per cent sign. A key without a sentence
 *  stands for itself.
 *  @param {string} key
 *  @param {Record<string, any>} [vars] */
export function t(key, vars = {}) {
  const sentence = knows(key) ? words[key] : key;
  const filled = sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in vars ? String(vars[name]) : whole));
  return filled.replace(/(\d) %/g, "$1\u00a0%");
}

/** A sentence with a number: KEY_none, KEY_one or KEY, whichever there is.
 *  @param {string} key
 *  @param {number} n
 *  @param {Record<string, any>} [vars] */
export function counted(key, n, vars = {}) {
  const own = n === 0 ? `${key}_none` : n === 1 ? `${key}_one` : key;
  return t(knows(own) ? own : key, { n: int(n), ...vars });
}

/** A decision of the program in words, as decision_words in app/shell/decision_text.py: {title, value}. */
export function decision(name, value) {
  const key = [`decision.${name}.${value}`, `decision.${name}.*`].find(knows);
  const percent = Number.isFinite(Number(value)) ? (100 * value).toFixed(0) : value;
  const title = knows(`decision.${name}`) ? t(`decision.${name}`) : name;
  const shown = /^\d+$/.test(value) ? int(Number(value)) : value;
  return { title, value: key ? t(key, { value: shown, percent }) : shown };
}
