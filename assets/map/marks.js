// The marks of the map, different in shape too.

function outline(pen, form, x, y, r) {
  pen.beginPath();
  if (form === "square") pen.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
  else if (form === "diamond") {
    pen.moveTo(x, y - r * 1.2);
    pen.lineTo(x + r * 1.2, y);
    pen.lineTo(x, y + r * 1.2);
    pen.lineTo(x - r * 1.2, y);
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
  if (inside) {
    pen.fillStyle = css("var(--surface)");
    pen.fill();
  }
  pen.lineWidth = width;
  pen.strokeStyle = css("var(--ink)");
  pen.stroke();
}

const SHAPES = {
  ring: (look, x, y, grown) => ring(look, x, y, 4 * grown, 1.5, true),
  disc: (look, x, y, grown, mark) => filled(look, mark.form, x, y, 5.5 * grown, mark.colour),
  dot: (look, x, y, grown, mark) => filled(look, mark.form, x, y, 3 * grown, mark.colour), // one of hundreds
  pick: (look, x, y, grown) => filled(look, "circle", x, y, 5 * grown, "var(--accent-mark)"),
  done: (look, x, y, grown) => filled(look, "circle", x, y, 4 * grown, "var(--ink-3)"), // chosen, and labeled by now
  new: (look, x, y, grown) => filled(look, "square", x, y, 5 * grown, "var(--accent-mark)"), // beside older picks
  check(look, x, y) {
    filled(look, "diamond", x, y, 4.5, "var(--ink-2)");
  },
  cross(look, x, y, grown) {
    const { pen, css } = look, r = 3.5 * grown;
    for (const [colour, width] of [["var(--surface)", 4], ["var(--ink)", 1.6]]) {
      pen.beginPath();
      pen.moveTo(x - r, y - r);
      pen.lineTo(x + r, y + r);
      pen.moveTo(x + r, y - r);
      pen.lineTo(x - r, y + r);
      pen.strokeStyle = css(colour);
      pen.lineWidth = width;
      pen.stroke();
    }
  },
  flag(look, x, y) {
    const { pen, css } = look;
    pen.beginPath();
    pen.moveTo(x, y - 5);
    pen.lineTo(x + 5, y + 4);
    pen.lineTo(x - 5, y + 4);
    pen.closePath();
    pen.fillStyle = css("var(--surface)");
    pen.fill();
    pen.strokeStyle = css("var(--ink)");
    pen.lineWidth = 1.5;
    pen.stroke();
  },
  gap({ pen, css }, x, y) { // a region without a pick: its middle keeps its dot
    outline(pen, "circle", x, y, 14);
    pen.setLineDash([4, 3]);
    pen.lineWidth = 1.5;
    pen.strokeStyle = css("var(--ink)");
    pen.stroke();
    pen.setLineDash([]);
  },
  current(look, x, y) {
    ring(look, x, y, 9, 2, true);
    outline(look.pen, "circle", x, y, 3.5);
    look.pen.fillStyle = look.css("var(--ink)");
    look.pen.fill();
  },
  hover: (look, x, y) => ring(look, x, y, 8, 1.5, false),
};

/** Draw a mark; an object, so that a test can look over its shoulder. look: {pen, css}; grown: share of its size. */
export const pens = {
  draw(look, mark, x, y, grown) {
    (SHAPES[mark.shape] || SHAPES.ring)(look, x, y, grown, mark);
  },
};
