// The marks of the map, different in shape too, and the pointer's gestures on it.
(function () {
  "use strict";

  function outline(pen, form, x, y, r) {
    pen.beginPath();
    if (form === "square") pen.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
    else if (form === "diamond") {
      pen.moveTo(x, y - r * 1.2); pen.lineTo(x + r * 1.2, y); pen.lineTo(x, y + r * 1.2); pen.lineTo(x - r * 1.2, y);
      pen.closePath();
    } else pen.arc(x, y, r, 0, 2 * Math.PI);
  }

  function filled({ pen, css }, form, x, y, r, colour) {
    outline(pen, form, x, y, r + 1.5);
    pen.fillStyle = css("var(--surface)");
    pen.fill();
    outline(pen, form, x, y, r);
    pen.fillStyle = css(colour);
    pen.fill();
  }

  function ring({ pen, css }, x, y, r, width, inside) {
    outline(pen, "circle", x, y, r);
    if (inside) { pen.fillStyle = css("var(--surface)"); pen.fill(); }
    pen.lineWidth = width;
    pen.strokeStyle = css("var(--ink)");
    pen.stroke();
  }

  const SHAPES = {
    ring: (look, mark, x, y, grown) => ring(look, x, y, 4 * grown, 1.5, true),
    disc: (look, mark, x, y, grown) => filled(look, mark.form, x, y, 5.5 * grown, mark.colour),
    dot: (look, mark, x, y, grown) => filled(look, mark.form, x, y, 3 * grown, mark.colour), // one of hundreds
    pick: (look, mark, x, y, grown) => filled(look, "circle", x, y, 5 * grown, "var(--accent-mark)"),
    check(look, mark, x, y) { filled(look, "diamond", x, y, 4.5, "var(--ink-2)"); },
    cross(look, mark, x, y, grown) {
      const { pen, css } = look, r = 3.5 * grown;
      for (const [colour, width] of [["var(--surface)", 4], ["var(--ink)", 1.6]]) {
        pen.beginPath();
        pen.moveTo(x - r, y - r); pen.lineTo(x + r, y + r); pen.moveTo(x + r, y - r); pen.lineTo(x - r, y + r);
        pen.strokeStyle = css(colour); pen.lineWidth = width; pen.stroke();
      }
    },
    flag(look, mark, x, y) {
      const { pen, css } = look;
      pen.beginPath();
      pen.moveTo(x, y - 5); pen.lineTo(x + 5, y + 4); pen.lineTo(x - 5, y + 4); pen.closePath();
      pen.fillStyle = css("var(--surface)"); pen.fill();
      pen.strokeStyle = css("var(--ink)"); pen.lineWidth = 1.5; pen.stroke();
    },
    gap({ pen, css }, mark, x, y) { // a region without a pick: its middle keeps its dot
      outline(pen, "circle", x, y, 14);
      pen.setLineDash([4, 3]);
      pen.lineWidth = 1.5;
      pen.strokeStyle = css("var(--ink)");
      pen.stroke();
      pen.setLineDash([]);
    },
    current(look, mark, x, y) {
      ring(look, x, y, 9, 2, true);
      outline(look.pen, "circle", x, y, 3.5);
      look.pen.fillStyle = look.css("var(--ink)");
      look.pen.fill();
    },
    hover: (look, mark, x, y) => ring(look, x, y, 8, 1.5, false),
  };

  function draw(look, mark, x, y, grown) { (SHAPES[mark.shape] || SHAPES.ring)(look, mark, x, y, grown); }

  function scrolls(node) { // whether something that holds it can be scrolled
    for (let each = node.parentElement; each; each = each.parentElement) {
      const free = each === document.scrollingElement || ["auto", "scroll"].includes(getComputedStyle(each).overflowY);
      if (free && each.scrollHeight > each.clientHeight + 1) return true;
    }
    return false;
  }

  // One canvas's pointer events as hover, drag, zoom(factor, x, y) and click; a drag of under 4 px is a click.
  // Where the page can be scrolled the wheel zooms only with Ctrl or after a click; else pass() is told.
  // grab(x, y, event) may take a drag for itself: then come pull(x, y) and in the end drop().
  function gestures(canvas, act) {
    const down = new Map();
    let travel = 0, spread = 0, grabbed = false, engaged = false; // engaged: clicked, and not left since
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      canvas.setPointerCapture(event.pointerId);
      engaged = true;
      if (!down.size) travel = 0;
      const { x, y } = at(event);
      down.set(event.pointerId, { x, y });
      spread = 0;
      grabbed = down.size === 1 && Boolean(act.grab && act.grab(x, y, event));
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = at(event), before = down.get(event.pointerId);
      if (!before) { if (event.pointerType !== "touch") act.hover(now.x, now.y); return; }
      down.set(event.pointerId, now);
      if (down.size === 2) { if (grabbed) { grabbed = false; act.drop(true); } return pinch(); }
      travel += Math.hypot(now.x - before.x, now.y - before.y);
      if (grabbed) { for (const each of event.getCoalescedEvents ? event.getCoalescedEvents() : [event]) { const { x, y } = at(each); act.pull(x, y); } return; }
      if (travel >= 4) act.drag(now.x - before.x, now.y - before.y);
    });
    function pinch() {
      const [a, b] = [...down.values()], far = Math.hypot(a.x - b.x, a.y - b.y);
      travel = 99;
      if (spread) act.zoom(far / spread, (a.x + b.x) / 2, (a.y + b.y) / 2);
      spread = far;
    }
    const up = (event) => {
      const started = down.delete(event.pointerId), { x, y } = at(event);
      if (grabbed && started) { grabbed = false; act.drop(event.type !== "pointerup" || travel < 4); }
      if (started && !down.size && travel < 4 && event.type === "pointerup") act.click(x, y, event.pointerType === "touch");
    };
    canvas.addEventListener("pointerup", up);
    canvas.addEventListener("pointercancel", up);
    canvas.addEventListener("pointerleave", () => { engaged = false; act.leave(); });
    canvas.addEventListener("wheel", (event) => {
      if (!engaged && !event.ctrlKey && !event.metaKey && scrolls(canvas)) return void act.pass(); // the page has the wheel
      event.preventDefault();
      const { x, y } = at(event), lines = event.deltaMode === 1 ? 24 : 1;
      act.zoom(Math.exp(-Math.max(-200, Math.min(200, event.deltaY * lines)) * 0.002), x, y);
    }, { passive: false });
  }

  window.FactMarks = { draw, gestures };
})();
