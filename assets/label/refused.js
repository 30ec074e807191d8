// What could not be stored, told on a line of its own until the person says what becomes of it.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { asSentence } from "../shell/notices.js";
import { redraw } from "../shell/redraw.js";
import { t } from "../shell/text.js";

const MOST = 3; // reasons and file names that are told one by one

/** Draw it. queue: an OpQueue; nameOf(image): its file name, or "" where it is not known. */
export function drawRefused(place, queue, nameOf) {
  const { refused, strays } = queue, lost = strays.some((stray) => stray.lost);
  const told = [...refusedWords(refused, nameOf), ...strays.filter(({ words }) => words).map(strayWords)];
  place.hidden = !told.length;
  redraw(place, [told, lost, refused.length], () => [
    el("span", {}, told.join(" ")),
    refused.length ? button("retry", "label.refused_retry") : "",
    refused.length || lost ? button("dismiss", "label.refused_dismiss") : "",
  ]);
}

const button = (act, key) => el("button", { type: "button", class: "btn slim", "data-act": act }, t(key));

function refusedWords(refused, nameOf) {
  if (!refused.length) return [];
  const n = refused.length, reasons = [...new Set(refused.map(({ words }) => asSentence(words)))];
  const names = [...new Set(refused.map(({ op }) => nameOf(op.item)).filter(Boolean))];
  const head = t(n === 1 ? "label.refused_one" : "label.refused", { n: fmt.int(n) });
  const images = names.length ? [t("label.refused_images", { names: some(names).join(", ") })] : [];
  return [head, ...some(reasons), ...images];
}

const some = (list) => (list.length > MOST ? [...list.slice(0, MOST), "…"] : list);

function strayWords({ n, words }) {
  return t(n === 1 ? "label.stray_one" : "label.stray", { n: fmt.int(n), words: asSentence(words) });
}
