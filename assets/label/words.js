// The search by words: which images fit what is typed best, where the backbone knows words; elsewhere why it does not.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { keepSession, keptSession } from "../shell/kept.js";
import { toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";

const LOOK = 400, DOWNLOAD = 1500; // ms between two looks at a run, and at a download

export class WordSearch {
  /** found(ids) is called with the images that fit best, the best first. */
  constructor(parts, found) {
    this.parts = parts;
    this.found = found;
    this.turn = 0; // the newest search: what an older one finds comes too late
    const { searchby } = parts;
    searchby.value = keptSession("searchby") === "words" ? "words" : "name";
    searchby.addEventListener("change", () => {
      keepSession("searchby", searchby.value);
      this.leave();
      this.draw();
      parts.search.focus();
    });
    this.draw();
  }

  get isOn() {
    return this.parts.searchby.value === "words";
  }

  leave() {
    this.turn += 1;
    this.parts.hits.textContent = "";
  }

  draw() {
    const { search, nowords } = this.parts, words = t(this.isOn ? "label.map_words" : "label.map_search");
    search.setAttribute("aria-label", words);
    search.setAttribute("placeholder", words);
    nowords.hidden = true;
    if (this.isOn) this.look().catch(toast);
  }

  // Whether words can be used; what is missing is said under the field.
  async look() {
    const turn = this.turn, here = await api("/words/ready"), { nowords } = this.parts;
    if (turn !== this.turn || !this.isOn) return;
    nowords.hidden = !here.why;
    if (here.why) nowords.replaceChildren(...this.missing(here));
    if (here.busy) setTimeout(() => this.look().catch(toast), DOWNLOAD);
  }

  missing(here) {
    const words = el("span", {}, t(`label.no_words_${here.why}`, { title: here.title, detail: here.detail }));
    if (here.why !== "missing") return [words];
    if (here.busy) return [words, el("span", {}, t("label.words_busy"))];
    const get = el(
      "button",
      { type: "button", class: "btn slim", onclick: () => this.get(here) },
      t("label.words_get"),
    );
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
    const turn = this.turn += 1, { hits, nowords } = this.parts;
    if (!nowords.hidden) return this.draw(); // it may be there by now
    hits.textContent = t("label.words_search");
    try {
      let answer = await this.answer(text);
      if (answer.state !== "done") await api("/words", { query: text });
      while (turn === this.turn && answer.state !== "done") {
        await new Promise((done) => setTimeout(done, LOOK));
        answer = await this.answer(text);
        if (answer.state === "failed") throw { what: answer.reason };
      }
      if (turn !== this.turn) return;
      const n = answer.ids.length;
      hits.textContent = t(n === 1 ? "label.words_hit" : "label.words_hits", { n: fmt.int(n) });
      this.found(answer.ids);
    } catch (error) {
      if (turn === this.turn) hits.textContent = "";
      toast(error);
    }
  }

  answer(text) {
    return api(`/words?query=${encodeURIComponent(text)}`);
  }
}
