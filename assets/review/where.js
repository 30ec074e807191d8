// Where the network looked, laid over the image at large as it lies there.
import { el } from "../shell/dom.js";
import { toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";

const KEPT = 50; // answers that are kept
const STRONGEST = 200; // of 255: how much the overlay hides where it is strongest

/** The cells as pixels, four numbers each: the stronger, the less is seen through.
 *  @param {number[][]} cells  rows of 0 to 255
 *  @param {number[]} colour  red, green, blue */
export function pixelsOf(cells, [red, green, blue]) {
  return Uint8ClampedArray.from(
    cells.flatMap((row) => row.flatMap((value) => [red, green, blue, (value / 255) * STRONGEST])),
  );
}

export class Where {
  /** stage: Stage, on which the image lies; changed(): it is on, off, or there is news. */
  constructor(stage, changed) {
    this.stage = stage;
    this.changed = changed;
    this.on = false;
    this.kept = new Map(); // "run:image" -> promise
    this.found = null; // of the image that is shown
    this.busy = false;
    this.name = "";
    this.canvas = el("canvas", { class: "rv-heat", "aria-hidden": "true" });
    this.layer = el("div", { class: "rv-where" }, this.canvas);
  }

  toggle(run, id) {
    this.on = !this.on;
    return this.show(run, id);
  }

  /** The image that is shown is this one now. */
  async show(run, id) {
    const name = this.name = `${run}:${id}`;
    this.found = null;
    this.busy = this.on;
    this.layer.remove();
    this.changed();
    if (!this.on) return;
    try {
      const found = await this.ask(name, run, id);
      if (this.name !== name || !this.on) return;
      this.found = found;
      this.paint();
    } catch (error) {
      toast(error);
    }
    if (this.name !== name) return;
    this.busy = false;
    this.changed();
  }

  ask(name, run, id) {
    if (!this.kept.has(name)) {
      const promise = api(`/where?run=${run}&id=${id}`);
      promise.catch(() => this.kept.delete(name));
      this.kept.set(name, promise);
      if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
    }
    return this.kept.get(name);
  }

  paint() {
    const { cells, box } = this.found, [left, top, right, bottom] = box.map((share) => 100 * share);
    const { canvas } = this;
    canvas.width = cells[0].length;
    canvas.height = cells.length;
    const probe = getComputedStyle(document.querySelector(".fs .rv-box") || document.body);
    const colour = (probe.getPropertyValue("--heat").match(/\d+/g) || [255, 60, 0]).map(Number);
    canvas.getContext("2d").putImageData(new ImageData(pixelsOf(cells, colour), canvas.width, canvas.height), 0, 0);
    Object.assign(canvas.style, {
      left: `${left}%`,
      top: `${top}%`,
      width: `${right - left}%`,
      height: `${bottom - top}%`,
    });
    this.place();
  }

  /** The image lies elsewhere, or larger. */
  place() {
    const img = this.stage()?.frame.querySelector(".lb-image:not(.lb-next)");
    if (!this.on || !this.found || !img) return;
    const { width, height, transform } = img.style;
    Object.assign(this.layer.style, { width, height, transform });
    if (this.layer.parentNode !== img.parentNode) img.after(this.layer);
  }

  /** What it is, and what it is not; null while it is off. */
  words() {
    if (!this.on) return null;
    if (this.busy) return el("p", { class: "small faint", role: "status" }, t("review.where_waits"));
    if (!this.found) return null;
    const { cells, method, name, box } = this.found, none = cells.every((row) => row.every((value) => !value));
    const size = { name, w: cells[0].length, h: cells.length };
    return [
      el("p", { class: "small" }, t(none ? "review.where_none" : "review.where_is", size)),
      box.join() === "0,0,1,1" ? "" : el("p", { class: "small" }, t("review.where_cut")),
      el("p", { class: "small" }, t("review.where_not", size)),
      el("p", { class: "small faint" }, t(`review.where_${method}`)),
    ];
  }
}
