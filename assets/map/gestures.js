// The pointer's gestures on a canvas.

const STILL = 4; // px: a drag of less is a click
const LINE = 24; // px that a line of a wheel stands for

function scrolls(node) { // whether something that holds it can be scrolled
  for (let each = node.parentElement; each; each = each.parentElement) {
    const free = each === document.scrollingElement || ["auto", "scroll"].includes(getComputedStyle(each).overflowY);
    if (free && each.scrollHeight > each.clientHeight + 1) return true;
  }
  return false;
}

/** One canvas's pointer events as hover, drag, zoom(factor, x, y) and click.
 *  Where the page can be scrolled the wheel zooms only with Ctrl or after a click; else pass() is told.
 *  grab(x, y, event) may take a drag for itself: then come pull(x, y) and in the end drop(aborted). */
export class Gestures {
  constructor(canvas, act) {
    this.canvas = canvas;
    this.act = act;
    this.down = new Map(); // pointer -> where it is
    this.travel = 0; // px since the first pointer came down
    this.spread = 0; // px between two fingers
    this.grabbed = false;
    this.engaged = false; // clicked, and not left since
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, (event) => this.release(event));
    canvas.addEventListener("pointerleave", () => {
      this.engaged = false;
      act.leave();
    });
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  press(event) {
    if (event.button) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.engaged = true;
    if (!this.down.size) this.travel = 0;
    const { x, y } = this.at(event);
    this.down.set(event.pointerId, { x, y });
    this.spread = 0;
    this.grabbed = this.down.size === 1 && Boolean(this.act.grab && this.act.grab(x, y, event));
  }

  move(event) {
    const now = this.at(event), before = this.down.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") this.act.hover(now.x, now.y);
      return;
    }
    this.down.set(event.pointerId, now);
    if (this.down.size === 2) return this.pinch();
    this.travel += Math.hypot(now.x - before.x, now.y - before.y);
    if (this.grabbed) this.pull(event);
    else if (this.travel >= STILL) this.act.drag(now.x - before.x, now.y - before.y);
  }

  pull(event) {
    for (const each of event.getCoalescedEvents ? event.getCoalescedEvents() : [event]) {
      const { x, y } = this.at(each);
      this.act.pull(x, y);
    }
  }

  pinch() {
    if (this.grabbed) {
      this.grabbed = false;
      this.act.drop(true);
    }
    const [a, b] = [...this.down.values()], far = Math.hypot(a.x - b.x, a.y - b.y);
    this.travel = 99;
    if (this.spread) this.act.zoom(far / this.spread, (a.x + b.x) / 2, (a.y + b.y) / 2);
    this.spread = far;
  }

  release(event) {
    const started = this.down.delete(event.pointerId), { x, y } = this.at(event);
    const up = event.type === "pointerup", still = this.travel < STILL;
    if (this.grabbed && started) {
      this.grabbed = false;
      this.act.drop(!up || still);
    }
    if (started && !this.down.size && still && up) this.act.click(x, y, event.pointerType === "touch");
  }

  wheel(event) {
    // the page has the wheel
    if (!this.engaged && !event.ctrlKey && !event.metaKey && scrolls(this.canvas)) return this.act.pass();
    event.preventDefault();
    const { x, y } = this.at(event), lines = event.deltaMode === 1 ? LINE : 1;
    this.act.zoom(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * lines)) * 0.002), x, y);
  }
}
