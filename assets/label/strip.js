// The queue as a strip of small pictures.
import { arrange, calm, classColour, el } from "../shell/dom.js";
import { thumbUrl } from "../shell/pictures.js";
import { t } from "../shell/text.js";

const TILE = 52; // px, with the gap

export class Strip {
  constructor(host, pick) {
    this.host = host;
    this.pick = pick;
    this.tiles = new Map();
    this.wide = this.host.clientWidth;
    this.middle = null;
    this.asked = 0;
    this.shown = null; // what was drawn last
    new ResizeObserver(() => {
      this.wide = this.host.clientWidth;
      if (this.shown) this.draw(...this.shown);
    }).observe(this.host);
  }

  centre() { // once a frame, when all else is drawn: it needs the layout
    this.asked = this.asked || requestAnimationFrame(() => {
      this.asked = 0;
      this.host.scrollLeft = this.middle
        ? this.middle.offsetLeft + this.middle.offsetWidth / 2 - this.host.clientWidth / 2
        : 0;
    });
  }

  tile(entry) {
    let made = this.tiles.get(entry.id);
    if (!made) {
      const img = el("img", { src: thumbUrl(entry.id), alt: "", draggable: "false" });
      made = calm(el("button", { type: "button", class: "lb-tile" }, img));
      made.addEventListener("click", () => this.pick(entry.id));
      this.tiles.set(entry.id, made);
    }
    return made;
  }

  draw(store, at) {
    this.shown = [store, at];
    const side = Math.max(2, Math.ceil(this.wide / TILE / 2)), tilesNow = [];
    for (let i = Math.max(0, at - side); i < Math.min(store.entries.length, at + side + 1); i++) {
      const entry = store.entries[i], made = this.tile(entry), state = store.stateOf(entry.id);
      const given = state && state.kind === "label" ? store.classOf(state.class) : null;
      made.dataset.state = state ? state.kind : "";
      made.style.setProperty("--bar", given ? classColour(given) : "transparent");
      if (i === at) made.setAttribute("aria-current", "true");
      else made.removeAttribute("aria-current");
      const name = given ? given.name : t(`label.state_${state ? state.kind : "open"}`);
      made.setAttribute("aria-label", `${t("label.number", { n: i + 1, total: store.entries.length })}, ${name}`);
      made.title = name;
      tilesNow.push(made);
    }
    arrange(this.host, tilesNow);
    this.middle = this.tiles.get(store.entries[at]?.id) || null;
    this.centre();
    if (this.tiles.size > 400) { for (const [id, node] of this.tiles) if (!node.isConnected) this.tiles.delete(id); }
  }
}
