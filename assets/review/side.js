// The filters of the review: what is asked for, and how many images each choice would show.
import { colourMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { redraw } from "../shell/redraw.js";
import { t } from "../shell/text.js";
import { NO_LABEL, SPLITS } from "./filter.js";

const PATIENCE = 250; // ms after the last letter until is searched

export class Side {
  /** set(part) changes the filter. */
  constructor(set) {
    this.set = set;
    this.timer = null;
    this.search = el("input", {
      class: "field",
      type: "search",
      id: "rv-find",
      autocomplete: "off",
      spellcheck: "false",
      maxlength: "200",
      placeholder: t("review.find"),
      "aria-label": t("review.find_label"),
      oninput: () => {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.set({ find: this.search.value.trim() }), PATIENCE);
      },
    });
    this.rest = el("div", { class: "rv-choices" });
    this.node = el("div", { class: "pane rv-side", tabindex: "0" }, this.search, this.rest);
  }

  /** filter: as it is; found: facets(); classes: names; listed: words of the list that is shown, or "". */
  draw({ filter, found, view, classOf, listed }) {
    if (document.activeElement !== this.search && this.search.value.trim() !== filter.find) {
      this.search.value = filter.find;
    }
    const numbers = [Array.from(found.said), Array.from(found.label), found.none, found.is, found.split];
    redraw(this.rest, [filter, numbers, view.classes, view.kind, listed], () => [
      listed && this.listed(listed),
      this.select("said", filter.said, this.classes(view, found.said, filter.said), found.said),
      this.select(
        view.kind ? "label_truth" : "label",
        filter.label,
        [
          ...this.classes(view, found.label, filter.label),
          [NO_LABEL, t("review.no_label", { n: fmt.int(found.none) })],
        ],
        [...found.label, found.none],
      ),
      // Right by a label that is doubted says nothing: the model repeats what it was taught.
      listed && filter.list.startsWith("doubt-")
        ? ""
        : this.group("answer", "is", filter.is, ["wrong", "right", "unknown"], found.is),
      this.group("split", "split", filter.split, Object.keys(SPLITS), found.split),
      this.sure(filter),
      el(
        "button",
        { class: "btn slim", type: "button", id: "rv-clear", onclick: () => this.clear() },
        t("review.clear"),
      ),
    ]);
    this.colour(classOf);
  }

  colour(classOf) { // marks beside the two lists, in the colour of the class that is asked for
    for (const each of this.rest.querySelectorAll("select")) {
      const mark = each.parentElement.querySelector(".rv-mark");
      const named = each.value && each.value !== NO_LABEL;
      mark.replaceChildren(named ? colourMark(classOf(each.value).colour) : "");
    }
  }

  clear() {
    this.search.value = "";
    this.set({ said: "", label: "", is: "", split: "", from: 0, to: 100, find: "", list: "", than: 0 });
  }

  listed(words) {
    const drop = { class: "link", type: "button", id: "rv-drop", onclick: () => this.set({ list: "", than: 0 }) };
    return el("p", { class: "note rv-listed" }, words, " ", el("button", drop, t("review.list_drop")));
  }

  /** The classes that a list offers: those that would show something, and the one that is chosen. */
  classes(view, counts, chosen) {
    return view.classes
      .map((name, place) => [name, t("review.choice", { name, n: fmt.int(counts[place]) }), counts[place]])
      .filter(([name, , n]) => n || name === chosen);
  }

  select(key, value, choices, counts) {
    const name = key === "said" ? "said" : "label", all = [...counts].reduce((sum, n) => sum + n, 0);
    const made = el(
      "select",
      {
        class: "field",
        id: `rv-${name}`,
        onchange: (event) => this.set({ [name]: event.target.value }),
      },
      [["", t("review.any", { n: fmt.int(all) })], ...choices].map(([each, words]) =>
        el("option", { value: each }, words)
      ),
    );
    made.value = value;
    const head = el("span", { class: "rv-label" }, el("span", { class: "rv-mark" }), t(`review.${key}`));
    return el("label", { class: "rv-field", for: `rv-${name}` }, head, made);
  }

  group(key, name, value, choices, counts) {
    const shown = choices.filter((each) => counts[each] || each === value);
    const button = (each, words, n) =>
      el(
        "button",
        {
          type: "button",
          class: "rv-choice",
          "aria-pressed": String(value === each),
          dataset: { id: `${name}-${each}` },
          onclick: () => this.set({ [name]: value === each ? "" : each }),
        },
        el("span", {}, words),
        n === null ? "" : el("small", {}, fmt.int(n)),
      );
    const all = choices.reduce((sum, each) => sum + counts[each], 0);
    return el(
      "div",
      { class: "rv-field", role: "group", "aria-label": t(`review.${key}`) },
      el("span", { class: "rv-label" }, t(`review.${key}`)),
      button("", t("review.all"), all),
      shown.map((each) => button(each, t(`review.${name}_${each}`), counts[each])),
    );
  }

  sure(filter) {
    const number = (name) =>
      el("input", {
        class: "field",
        type: "number",
        min: "0",
        max: "100",
        step: "5",
        id: `rv-${name}`,
        "aria-label": `${t("review.sure")}: ${t(`review.${name}`)}`,
        value: String(filter[name]),
        onchange: (event) => {
          const value = Math.round(Math.min(100, Math.max(0, Number(event.target.value) || 0)));
          this.set({ [name]: value });
        },
      });
    return el(
      "div",
      { class: "rv-field", role: "group", "aria-label": t("review.sure") },
      el("span", { class: "rv-label" }, t("review.sure")),
      el("div", { class: "rv-range" }, number("from"), el("span", {}, t("review.to")), number("to")),
    );
  }
}
