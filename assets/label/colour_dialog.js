// Choosing the colour and shape of a class.
import { cancelButton, showDialog } from "../shell/dialog.js";
import { colourMark, el } from "../shell/dom.js";
import { t } from "../shell/text.js";

const HUES = 12, SHAPES = 3;
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -SHAPES, ArrowDown: SHAPES };

/** Ask for the colour of a class. Resolves with {colour}, where null leaves it to the program; undefined: as it was. */
export function askColour(each, others) {
  const used = new Map(others.map((other) => [other.colour, other.name])), swatches = [];
  let choose = null; // closes the dialog
  const palette = el("div", { class: "lc-palette", role: "group", "aria-label": t("classes.colour") });
  for (let hue = 0; hue < HUES; hue += 1) {
    const forms = Array.from({ length: SHAPES }, (_, shape) => {
      const colour = hue + HUES * shape;
      return swatch(colour, colour === each.colour, used.get(colour), () => choose({ colour }));
    });
    swatches.push(...forms);
    palette.append(el("div", { class: "lc-hue" }, el("span", {}, t(`classes.hue_${hue}`)), forms));
  }
  palette.addEventListener("keydown", (event) => {
    const step = STEPS[event.key], at = swatches.findIndex((other) => other === document.activeElement);
    if (!step) return;
    event.preventDefault();
    swatches[at + step]?.focus();
  });
  queueMicrotask(() => swatches.find((other) => other.tabIndex === 0).focus());
  return showDialog(t("classes.colour_title", { name: each.name }), palette, (close) => {
    choose = close;
    const auto = { class: "btn quiet", type: "button", onclick: () => close({ colour: null }) };
    return [el("button", auto, t("classes.colour_auto")), cancelButton(close)];
  });
}

function swatch(colour, chosen, usedBy, onclick) {
  const name = t(`classes.colour_${colour}`);
  const label = usedBy === undefined ? name : t("classes.colour_used", { colour: name, name: usedBy });
  const look = { class: `lc-swatch${usedBy === undefined ? "" : " lc-used"}`, title: label, "aria-label": label };
  const state = { "aria-pressed": String(chosen), tabindex: chosen ? "0" : "-1", dataset: { place: colour } };
  return el("button", { type: "button", ...look, ...state, onclick }, colourMark(colour));
}
