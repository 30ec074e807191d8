// One image of the review at large: what the model said and how surely, its label, what it is like; mended in place.
import { Stage } from "../images/stage.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { floats, toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";
import { facts } from "./facts.js";
import { press, showReviewKeys } from "./keys.js";
import { Where } from "./where.js";

const KEPT = 50; // answers about images that are kept
const FAR = 1e9; // to the very first or last

export class Lightbox {
  /** owner: {ids(), run(), factsOf(id), classOf(name), store, own(sign), go(id), close(), give(ids, classId),
   *  mark(ids, kind), undo(), redo()}. */
  constructor(owner) {
    this.owner = owner;
    this.id = 0;
    this.from = 0; // the image of the list from which one went aside
    this.since = 0;
    this.looks = new Map(); // image -> promise of /look
    this.look = null;
    this.box = null;
    this.stage = null;
    this.said = ""; // what was done last, in words
    this.where = new Where(() => this.stage, () => this.draw());
  }

  get isOpen() {
    return Boolean(this.box);
  }

  build() {
    const tool = (name, image, key, onclick) =>
      el("button", {
        class: "btn icon",
        type: "button",
        dataset: { id: name },
        title: t(key),
        "aria-label": t(key),
        onclick,
      }, icon(image));
    this.name = el("h1", { class: "clip" });
    this.place = el("span", { class: "small faint rv-place", role: "status" });
    const head = el(
      "div",
      { class: "rv-boxhead" },
      tool("previous", "chevron-left", "review.previous", () => this.move(-1)),
      tool("next", "chevron-right", "review.next", () => this.move(1)),
      this.name,
      this.place,
      this.eye = tool("where", "eye", "review.where_tool", () => this.whereLooked()),
      tool("zoom", "fit", "review.zoom", () => this.zoom()),
      tool("keys", "help", "review.keys", showReviewKeys),
      tool("close", "x", "review.close", () => this.owner.close()),
    );
    const host = el("div", { class: "lb-stage" });
    this.side = el("div", { class: "rv-facts", tabindex: "0" });
    this.box = el("dialog", { class: "rv-box" }, head, el("div", { class: "rv-boxbody" }, host, this.side));
    this.box.addEventListener("keydown", (event) => press(event, this.keys()));
    this.box.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.owner.close();
    });
    floats().append(this.box);
    this.box.showModal();
    this.side.focus();
    this.stage = new Stage(host, () => this.where.place());
  }

  whereLooked() {
    if (this.look) this.where.toggle(this.owner.run(), this.id);
  }

  keys() {
    const { owner } = this, one = () => (this.id ? [this.id] : []);
    return {
      own: owner.own,
      give: (place) => owner.store.classes[place] && owner.give(one(), owner.store.classes[place].id),
      flag: () => owner.mark(one(), "flag"),
      exclude: () => owner.mark(one(), "exclude"),
      clear: () => owner.mark(one(), "clear"),
      undo: owner.undo,
      redo: owner.redo,
      sheet: showReviewKeys,
      zoom: (factor) => this.stage.zoomBy(factor),
      KeyZ: () => this.zoom(),
      KeyW: () => this.whereLooked(),
      ArrowLeft: () => this.move(-1),
      ArrowRight: () => this.move(1),
      Home: () => this.move(-FAR),
      End: () => this.move(FAR),
    };
  }

  zoom() {
    if (this.stage.zoom) this.stage.fit();
    else this.stage.actual();
  }

  /** Seconds since the image was shown. */
  seconds() {
    return Math.round((performance.now() - this.since) / 10) / 100;
  }

  move(step) {
    const ids = this.owner.ids(), at = ids.indexOf(this.id), beside = at < 0 ? ids.indexOf(this.from) : at;
    if (!ids.length) return;
    const to = Math.max(0, Math.min(ids.length - 1, Math.max(0, beside) + (at < 0 ? 0 : step)));
    if (ids[to] !== this.id) this.owner.go(ids[to]);
  }

  async show(id) {
    if (!this.box) this.build();
    if (id === this.id) return this.draw();
    if (this.owner.ids().includes(id)) this.from = id;
    Object.assign(this, { id, look: null, said: "", since: performance.now() });
    this.draw();
    try {
      const look = await this.ask(id);
      if (this.id !== id || !this.box) return;
      this.look = look;
      this.where.show(this.owner.run(), id);
      this.stage.show({ id, path: look.path, w: look.w, h: look.h });
      this.draw();
      this.ahead();
    } catch (error) {
      toast(error);
    }
  }

  ask(id) {
    const name = `${this.owner.run()}:${id}`;
    if (!this.looks.has(name)) {
      const promise = api(`/look?run=${this.owner.run()}&id=${id}`);
      promise.catch(() => this.looks.delete(name));
      this.looks.set(name, promise);
      if (this.looks.size > KEPT) this.looks.delete(this.looks.keys().next().value);
    }
    return this.looks.get(name);
  }

  /** What it is like may be another after a label. */
  forget() {
    this.looks.clear();
  }

  async ahead() { // the two beside it are there before one gets to them
    const ids = this.owner.ids(), at = ids.indexOf(this.id);
    const beside = at < 0 ? [] : [ids[at + 1], ids[at - 1]].filter(Boolean);
    const found = await Promise.all(beside.map((id) => this.ask(id).catch(() => null)));
    if (this.stage) this.stage.ahead(found.filter(Boolean).map(({ id, path, w, h }) => ({ id, path, w, h })));
  }

  draw() {
    if (!this.box) return;
    const { owner, look, id } = this, ids = owner.ids(), at = ids.indexOf(id);
    this.name.textContent = look ? look.path.split("/").pop() : "";
    this.name.title = look ? look.path : "";
    this.box.setAttribute("aria-label", look ? look.path : t("review.large", { n: id }));
    this.place.textContent = at < 0
      ? t("review.beside")
      : t("review.at", { n: fmt.int(at + 1), total: fmt.int(ids.length) });
    this.eye.setAttribute("aria-pressed", String(this.where.on));
    facts(this.side, { id, look, owner, where: this.where, said: this.said, back: at < 0 ? this.from : 0 });
  }

  hide() {
    if (!this.box) return;
    this.stage.destroy();
    this.box.close();
    this.box.remove();
    Object.assign(this, { box: null, stage: null, id: 0, look: null, said: "" });
  }
}
