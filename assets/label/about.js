// What is said of the image that is labeled: its name, its size, its answer. And what the map's card says of a dot.
import { classMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";
import { sameBytes } from "../images/copies.js";

const scaleText = (scale) => (scale >= 1 ? `${+scale.toFixed(1)}×` : `${Math.round(scale * 100)} %`);
const stateWords = (state) => t(`label.state_${state ? state.kind : "open"}`);

const isQueued = (item) => Boolean(item) && item.at >= 0;

/** Whether an image is called by its answer: it is left out, and does not stand in the queue. */
const isOut = (item, state) => !isQueued(item) && state?.kind === "exclude";

/** What an image is called. */
const titleOf = (item, state, head) =>
  isQueued(item) ? head.number(item) : t(isOut(item, state) ? "label.is_out" : "label.not_chosen");

/** look: {scale, fit, smooth} of the stage. */
export function drawName(parts, item, look, suggest) {
  const scale = t("label.shown_at", { scale: scaleText(look.scale) });
  parts.name.textContent = item.path.split("/").pop();
  const same = sameBytes(item.copies);
  parts.name.title = [item.path, ...(item.copies || [])].join("\n");
  parts.size.textContent = parts.size.title = [`${item.w} × ${item.h}`, scale, same].filter(Boolean).join(", ");
  parts.fit.setAttribute("aria-pressed", String(look.fit));
  parts.smooth.textContent = t(look.smooth ? "label.smooth" : "label.pixels");
  parts.suggest.setAttribute("aria-pressed", String(suggest.on));
  parts.suggest.title = suggest.hint();
}

/** What is known of an image: {state, given, like, sure, number}. given: its class, like: what it looks like. */
export function known(item, { store, guess, head }) {
  const state = item && store.stateOf(item.id), found = guess();
  return {
    state,
    given: state && state.kind === "label" ? store.classOf(state.class) : null,
    like: found && store.classOf(found.class),
    sure: found ? fmt.pct(found.sure, 0) : "",
    number: titleOf(item, state, head),
  };
}

/** The answer of an image in its row, and for those who hear it. */
export function drawAnswer(parts, item, { state, given, like, sure, number }) {
  const note = (item && item.note) || "", out = isOut(item, state);
  const nodes = out ? [] : answerNodes(state, given, like, sure);
  parts.answer.replaceChildren(el("span", { class: "lb-number" }, number), ...nodes);
  parts.accept.hidden = !like || Boolean(given);
  parts.clear.hidden = !state;
  parts.note.setAttribute("aria-pressed", String(Boolean(note)));
  parts.note.title = note;
  const guessed = like && !state ? ` ${t("label.looks_like")} ${like.name} ${sure}` : "";
  parts.live.textContent = out ? `${number}.` : `${number}. ${given ? given.name : stateWords(state)}${guessed}`;
}

function answerNodes(state, given, like, sure) {
  if (given) return [classMark(given), el("strong", { dir: "auto" }, given.name)];
  if (!like) return [el("span", {}, stateWords(state))];
  return [
    classMark(like),
    el("span", { class: "lb-guess" }, t("label.looks_like")),
    el("strong", { dir: "auto" }, like.name),
    el("span", { class: "lb-sure" }, sure),
  ];
}

/** What the map's card says of an image: {title, line}. */
export function describe(id, { store, suggest, head }) {
  const item = store.items.get(id), state = store.stateOf(id);
  const given = state && state.kind === "label" ? store.classOf(state.class) : null;
  const found = !state && item?.role !== "audit" ? suggest.of(id) : null, like = found && store.classOf(found.class);
  const guessed = like ? `${t("label.looks_like")} ${like.name}, ${fmt.pct(found.sure, 0)}` : "";
  const line = given ? given.name : guessed || (item || state ? stateWords(state) : t("label.in_pool"));
  return { title: titleOf(item, state, head), line: isOut(item, state) ? "" : line };
}
