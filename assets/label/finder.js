// Finding a class by its first letters, for projects with more classes than keys: type, Enter.
import { classMark, el } from "../shell/dom.js";
import { t } from "../shell/text.js";

// How well a name fits what was typed: at its start, at the start of a word, the letters in order; -1: not at all.
// What fits alike stays in the list's order, which the person knows.
function fit(name, typed) {
  const low = name.toLocaleLowerCase(), text = typed.toLocaleLowerCase();
  if (!text) return 0;
  if (low.startsWith(text)) return low === text ? 500 : 400;
  const word = low.split(/[\s_\-./()]+/).findIndex((part) => part.startsWith(text));
  if (word > 0) return 300;
  if (low.includes(text)) return 200;
  let from = 0, gaps = 0;
  for (const letter of text) {
    const at = low.indexOf(letter, from);
    if (at < 0) return -1;
    gaps += at - from;
    from = at + 1;
  }
  return 100 - gaps;
}
/** The classes that fit, the best first: [{each, place, score}]. */
export const matches = (classes, typed) =>
  classes.map((each, place) => ({ each, place, score: fit(each.name, typed) }))
    .filter((found) => found.score >= 0).sort((a, b) => b.score - a.score || a.place - b.place);

const MOST = 8; // classes that are shown

/** A box over the list of classes. give(classId) is called once; Escape and a click elsewhere close it. */
export class Finder {
  constructor(host, classes, give) {
    this.host = host;
    this.classes = classes;
    this.give = give;
    this.box = null;
    this.input = null;
    this.list = null;
    this.chosen = 0;
  }

  close() { // removing it takes the focus away, which closes it
    const was = this.box;
    this.box = null;
    if (was) was.remove();
  }

  open(typed) {
    this.close();
    const words = { "aria-label": t("label.find"), placeholder: t("label.find") };
    const box = { role: "combobox", "aria-expanded": "true", "aria-controls": "lb-found" };
    const plain = { autocomplete: "off", spellcheck: "false", maxlength: "200" };
    this.list = el("ul", { class: "lb-found", role: "listbox", id: "lb-found" });
    this.input = el("input", { type: "text", class: "lb-edit", ...words, ...box, ...plain });
    this.input.addEventListener("input", () => this.draw(0));
    this.input.addEventListener("keydown", (event) => this.press(event));
    this.input.addEventListener("blur", () => this.close());
    this.box = el("div", { class: "lb-finder" }, this.input, this.list);
    this.host.append(this.box);
    this.input.value = typed;
    this.draw(0);
    this.input.focus();
  }

  found() {
    return matches(this.classes(), this.input.value.trim()).slice(0, MOST);
  }

  take(id) {
    this.close();
    this.give(id);
  }

  draw(chosen) {
    const lines = this.found();
    this.chosen = Math.max(0, Math.min(chosen, lines.length - 1));
    this.list.replaceChildren(...lines.map(({ each }, i) => this.line(each, i)));
    if (!lines.length) this.list.append(el("li", { class: "small" }, t("label.find_none")));
    this.input.setAttribute("aria-activedescendant", lines.length ? `lb-found-${this.chosen}` : "");
  }

  line(each, i) {
    const onpointerdown = (event) => {
      event.preventDefault();
      this.take(each.id);
    };
    return el(
      "li",
      { role: "option", id: `lb-found-${i}`, "aria-selected": String(i === this.chosen), onpointerdown },
      classMark(each),
      el("span", { dir: "auto" }, each.name),
    );
  }

  press(event) {
    if (event.isComposing) return;
    const lines = this.found(), n = Math.max(1, lines.length), line = lines[this.chosen];
    const act = {
      Enter: () => line && this.take(line.each.id),
      Escape: () => this.close(),
      ArrowDown: () => this.draw((this.chosen + 1) % n),
      ArrowUp: () => this.draw((this.chosen + lines.length - 1) % n),
    }[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}
