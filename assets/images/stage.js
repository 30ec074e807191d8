// The image that is labeled, with its zoom; the next ones are loaded ahead.
import { el } from "../shell/dom.js";
import { imageUrl } from "../shell/pictures.js";
import { t } from "../shell/text.js";

const AHEAD = 6, KEEP = 16, LARGEST_ZOOM = 32;
const SMALL = 1024; // px: the larger side of an image as it is asked for, until one zooms in

export class Stage {
  constructor(host, told) {
    this.host = host;
    this.told = told;
    this.loaded = new Map(); // id -> img, decoded ahead; the oldest leave first
    this.frame = el("div", { class: "lb-frame" });
    this.trouble = el("p", { class: "lb-trouble", hidden: true });
    this.host.append(this.frame, this.trouble);
    this.now = null;
    this.seen = 0; // the image that has been painted, of those shown the last
    this.zoom = 0;
    this.pan = { x: 0, y: 0 };
    this.isSmooth = true;
    this.coming = null;
    document.addEventListener("fs:offline", this.retry);
    document.addEventListener("fs:pictures", this.renew);
    // Asked for only when it changes: each question costs a layout.
    this.room = { w: host.clientWidth, h: host.clientHeight };
    this.listen();
    this.watcher = new ResizeObserver(() => {
      Object.assign(this.room, { w: this.host.clientWidth, h: this.host.clientHeight });
      this.layout();
      this.prepare(this.coming);
    });
    this.watcher.observe(this.host);
  }

  listen() {
    let drag = null;
    this.host.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoomBy(Math.exp(-Math.max(-200, Math.min(200, event.deltaY)) * 0.002));
    }, { passive: false });
    this.host.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      drag = { x: event.clientX - this.pan.x, y: event.clientY - this.pan.y };
      this.host.setPointerCapture(event.pointerId);
    });
    this.host.addEventListener("pointermove", (event) => {
      if (!drag) return;
      this.pan = { x: event.clientX - drag.x, y: event.clientY - drag.y };
      this.layout();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.host.addEventListener(end, () => {
        drag = null;
      });
    }
  }

  address(id, full) {
    return imageUrl(id, full ? 0 : SMALL);
  }

  image(id) {
    let img = this.loaded.get(id);
    if (!img) {
      img = el("img", { class: "lb-image", draggable: "false", decoding: "async", alt: "" });
      img.onerror = () => {
        this.loaded.delete(id);
        if (this.now && this.now.id === id) this.fail();
      };
      img.src = this.address(id, false);
      img.decode().catch(() => {});
      this.loaded.set(id, img);
      if (this.loaded.size > KEEP) this.loaded.delete(this.loaded.keys().next().value);
    }
    return img;
  }

  fail() {
    this.trouble.textContent = t(
      document.body.classList.contains("fs-offline") ? "label.image_offline" : "label.unreadable",
    );
    this.trouble.hidden = false;
  }

  retry = (event) => {
    if (!event.detail && !this.trouble.hidden && this.now) this.show(this.now);
  };

  // A file may have changed: its old picture is no longer what a key would be for.
  renew = () => {
    for (const [id, img] of this.loaded) {
      if (!this.now || this.now.id !== id) {
        img.remove();
        this.loaded.delete(id);
      }
    }
    if (!this.now) return;
    const img = this.image(this.now.id);
    this.seen = 0;
    this.trouble.hidden = true;
    img.src = this.address(this.now.id, Boolean(img.dataset.full));
    this.watch(this.now, img);
  };

  fitted(item = this.now) {
    const w = Math.max(this.room.w - (this.room.w < 480 ? 0 : 32), 32);
    const h = Math.max(this.room.h - 32, 32);
    const most = Math.max(512, 0.62 * Math.min(w, h));
    return Math.min(w / item.w, h / item.h, 4, most / Math.max(item.w, item.h));
  }

  layout() {
    if (!this.now || !this.now.w || !this.now.h) return;
    const scale = this.zoom || this.fitted(), img = this.image(this.now.id);
    const w = this.now.w * scale, h = this.now.h * scale;
    const most = { x: Math.max(0, (w - this.room.w) / 2), y: Math.max(0, (h - this.room.h) / 2) };
    this.pan.x = Math.max(-most.x, Math.min(most.x, this.pan.x));
    this.pan.y = Math.max(-most.y, Math.min(most.y, this.pan.y));
    img.style.width = `${w}px`;
    img.style.height = `${h}px`;
    img.style.transform = `translate(${this.pan.x}px, ${this.pan.y}px)`;
    img.style.imageRendering = this.isSmooth ? "auto" : "pixelated";
    this.host.classList.toggle("lb-pannable", most.x > 0 || most.y > 0);
    if (this.zoom && Math.max(w, h) > SMALL && Math.max(this.now.w, this.now.h) > SMALL && !img.dataset.full) {
      img.dataset.full = "1";
      img.src = this.address(this.now.id, true);
    }
    this.told({ scale, fit: !this.zoom, smooth: this.isSmooth });
  }

  zoomTo(scale) {
    this.zoom = Math.min(LARGEST_ZOOM, Math.max(0.05, scale));
    this.layout();
  }

  zoomBy(factor) {
    if (this.now) this.zoomTo((this.zoom || this.fitted()) * factor);
  }

  show(item) {
    if (!item || !this.now || item.id !== this.now.id) this.seen = 0;
    this.now = item;
    this.zoom = 0;
    this.pan = { x: 0, y: 0 };
    this.trouble.hidden = true;
    if (!item) return this.frame.replaceChildren();
    const img = this.image(item.id);
    this.loaded.delete(item.id);
    this.loaded.set(item.id, img);
    img.alt = item.path;
    img.classList.remove("lb-next");
    this.layout();
    for (const other of [...this.frame.children]) if (other !== img) other.remove();
    if (!img.isConnected) this.frame.append(img); // one that lies there already is painted: it only has to be seen
    this.watch(item, img);
  }

  // It has been seen when it is decoded and a frame later: only then a key can be meant for it.
  watch(item, img) {
    const painted = () => {
      if (this.now !== item) return;
      this.seen = item.id;
      this.host.dataset.seen = String(item.id); // for who watches the page from without
    };
    const soon = () => requestAnimationFrame(() => setTimeout(painted));
    img.decode().then(soon, () => img.complete && img.naturalWidth && soon());
  }

  /** Whether the person sees the image, or, with `failed`, that it cannot be shown. */
  isSeen(failed) {
    return Boolean(this.now) && (this.seen === this.now.id || (failed && !this.trouble.hidden));
  }

  // The next image lies on the stage as it will be shown, painted and not seen.
  prepare(item) {
    this.coming = item;
    if (!item || !this.now || item.id === this.now.id || !item.w || !item.h) return;
    const img = this.image(item.id), scale = this.fitted(item);
    for (const other of [...this.frame.querySelectorAll(".lb-next")]) if (other !== img) other.remove();
    img.classList.add("lb-next");
    img.style.width = `${item.w * scale}px`;
    img.style.height = `${item.h * scale}px`;
    img.style.transform = "translate(0px, 0px)";
    img.style.imageRendering = this.isSmooth ? "auto" : "pixelated";
    if (!img.isConnected) this.frame.append(img);
  }

  ahead(items) { // in the likeliest order; what was passed by before it came is not waited for
    const wanted = new Set([...new Set(items.map((item) => item.id))].slice(0, AHEAD));
    for (const [id, img] of this.loaded) {
      if (img.complete || wanted.has(id) || (this.now && this.now.id === id)) continue;
      img.onerror = null;
      img.removeAttribute("src"); // ends the request
      this.loaded.delete(id);
    }
    wanted.forEach((id) => this.image(id));
    this.prepare(items[0] || null);
  }

  fit() {
    this.zoom = 0;
    this.layout();
  }

  actual() {
    this.zoomTo(1);
  }

  smooth() {
    this.isSmooth = !this.isSmooth;
    this.layout();
  }

  destroy() {
    this.watcher.disconnect();
    document.removeEventListener("fs:offline", this.retry);
    document.removeEventListener("fs:pictures", this.renew);
  }
}
