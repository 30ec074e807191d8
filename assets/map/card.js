// The little card beside the pointer: the image under it and what is known of it.
import { el } from "../shell/dom.js";
import { thumbUrl } from "../shell/pictures.js";

export class Card {
  constructor(describe) {
    this.describe = describe; // id -> {title, line, hint} | null
    this.node = el("div", { class: "fm-card", hidden: true });
    this.id = 0;
  }

  /** Show an image at a place in the window of that view; 0 hides. Returns whether it is another image. */
  show(id, px, py, view) {
    const other = id !== this.id;
    this.id = id;
    if (other) this.fill(id);
    this.node.hidden = !id;
    if (!id) return other;
    const wide = this.node.offsetWidth, high = this.node.offsetHeight;
    const right = px + 16 + wide < view.w, below = py + 16 + high < view.h;
    this.node.style.left = `${Math.max(4, right ? px + 16 : px - 12 - wide)}px`;
    this.node.style.top = `${Math.max(4, below ? py + 16 : py - 12 - high)}px`;
    return other;
  }

  fill(id) {
    if (!id) return this.node.replaceChildren();
    const facts = this.describe?.(id) || {}, words = el("div", { class: "fm-words" });
    if (facts.title) words.append(el("strong", {}, facts.title));
    if (facts.line) words.append(el("span", {}, facts.line));
    if (facts.hint) words.append(el("span", { class: "fm-hint" }, el("kbd", {}, facts.hint[0]), ` ${facts.hint[1]}`));
    this.node.replaceChildren(el("img", { src: thumbUrl(id), alt: "", width: 72, height: 72 }));
    if (words.childNodes.length) this.node.append(words);
  }
}
