// The search for images: by file name, or by words for what is seen, where the backbone knows words; elsewhere why not.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { keepSession, keptSession } from "../shell/kept.js";
import { toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";

const LOOK = 400, DOWNLOAD = 1500; // ms between two looks at a run, and at a download

/** The fields of a search, hidden at first. place: where it stands, as its parts are called; key: of its sentence. */
export function searchBox(make, place, key) {
  const words = { "aria-label": t(key), placeholder: t(key) };
  const by = ["name", "words"].map((each) => el("option", { value: each }, t(`label.by_${each}`)));
  return make.part(
    `${place}box`,
    "div",
    { class: "lb-search", hidden: true },
    make.part(`${place}by`, "select", { class: "lb-colour", "aria-label": t("label.search_by") }, by),
    make.part(place, "input", { type: "search", class: "lb-edit", ...words, maxlength: "200", spellcheck: "false" }),
    make.part(`${place}hits`, "span", { class: "small", role: "status" }),
    make.part(`${place}nowords`, "div", { class: "lb-nowords", role: "status", hidden: true }),
  );
}

export class ImageSearch {
  /** place, key: as searchBox has them. found(ids) is called with what fits, the best first; left() when the search is
   *  given up. */
  constructor(parts, place, key, { found, left }) {
    const of = (name) => parts[`${place}${name}`];
    this.box = of("box");
    this.by = of("by");
    this.field = of("");
    this.hits = of("hits");
    this.nowords = of("nowords");
    this.key = key;
    this.found = found;
    this.left = left;
    this.turn = 0; // the newest search: what an older one finds comes too late
    this.by.value = keptSession("searchby") === "words" ? "words" : "name";
    this.by.addEventListener("change", () => {
      keepSession("searchby", this.by.value);
      this.stop();
      this.draw();
      this.field.focus();
    });
    this.field.addEventListener("keydown", (event) => {
      const act = { Enter: () => this.search(this.field.value.trim()), Escape: () => this.leave() }[event.key];
      if (!act) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    });
    this.draw();
  }

  get byWords() {
    return this.by.value === "words";
  }

  toggle() { // shows the field; hides it where the person types in it
    this.box.hidden = !this.box.hidden && document.activeElement === this.field;
    if (this.box.hidden) return;
    this.field.focus();
    this.field.select();
  }

  stop() {
    this.turn += 1;
    this.hits.textContent = "";
  }

  leave() {
    this.stop();
    this.field.value = "";
    this.box.hidden = true;
    this.left();
  }

  draw() {
    const words = t(this.byWords ? "label.map_words" : this.key);
    this.field.setAttribute("aria-label", words);
    this.field.setAttribute("placeholder", words);
    this.nowords.hidden = true;
    if (this.byWords) this.look().catch(toast);
  }

  // Whether words can be used; what is missing is said under the field.
  async look() {
    const turn = this.turn, here = await api("/words/ready"), { nowords } = this;
    if (turn !== this.turn || !this.byWords) return;
    nowords.hidden = !here.why;
    if (here.why) nowords.replaceChildren(...this.missing(here));
    if (here.busy) setTimeout(() => this.look().catch(toast), DOWNLOAD);
  }

  missing(here) {
    const words = el("span", {}, t(`label.no_words_${here.why}`, { title: here.title, detail: here.detail }));
    if (here.why !== "missing") return [words];
    if (here.busy) return [words, el("span", {}, t("label.words_busy"))];
    const look = { type: "button", class: "btn slim", onclick: () => this.get(here) };
    const get = el("button", look, t("label.words_get"));
    return [words, here.failed ? el("span", { class: "bad" }, here.failed) : "", get];
  }

  async get(here) { // its size and licence stand beside the button
    try {
      await api("/x/weights", { name: here.backbone, file: "", text: true });
      await this.look();
    } catch (error) {
      toast(error);
    }
  }

  async search(text) {
    this.stop();
    const turn = this.turn;
    if (!text) return this.left();
    if (this.byWords && !this.nowords.hidden) return this.draw(); // it may be there by now
    try {
      const answer = this.byWords ? await this.fitting(text, turn) : await this.named(text);
      if (turn !== this.turn || !answer) return;
      const n = this.byWords ? answer.ids.length : answer.total, key = this.byWords ? "label.words_hit" : "label.hit";
      this.hits.textContent = t(n === 1 ? key : `${key}s`, { n: fmt.int(n) });
      this.found(answer.ids);
      if (answer.ids.length) this.field.blur(); // now a key gives them a class
    } catch (error) {
      if (turn === this.turn) this.hits.textContent = "";
      toast(error);
    }
  }

  named(text) {
    return api(`/find?name=${encodeURIComponent(text)}`);
  }

  // What fits words best: it is asked for, and looked after until it is there. Null where another search has begun.
  async fitting(text, turn) {
    this.hits.textContent = t("label.words_search");
    const look = () => api(`/words?query=${encodeURIComponent(text)}`);
    let answer = await look();
    if (answer.state !== "done") await api("/words", { query: text });
    while (answer.state !== "done") {
      await new Promise((done) => setTimeout(done, LOOK));
      if (turn !== this.turn) return null;
      answer = await look();
      if (answer.state === "failed") throw { what: answer.reason };
    }
    return answer;
  }
}
