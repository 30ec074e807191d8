// Icons, 16 x 16, drawn with a 1.5 px pen; and the logo.
import { drawn } from "./drawing.js";

const PATHS = {
  check: "M3 8.5l3.2 3.2L13 5",
  "chevron-down": "M4 6l4 4 4-4",
  "chevron-left": "M10 4L6 8l4 4",
  "chevron-right": "M6 4l4 4-4 4",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  x: "M4 4l8 8M12 4l-8 8",
  moon: "M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6z",
  sun: "M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM8 1.5v1.4M8 13.1v1.4" +
    "M1.5 8h1.4M13.1 8h1.4M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1",
  help: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM6.1 6.3a1.9 1.9 0 1 1 2.7 1.8c-.6.3-.8.6-.8 1.2M8 11.3v.2",
  cpu: "M4.5 4.5h7v7h-7zM6.5 6.5h3v3h-3zM6 1.8v2.7M10 1.8v2.7" +
    "M6 11.5v2.7M10 11.5v2.7M1.8 6h2.7M1.8 10h2.7M11.5 6h2.7M11.5 10h2.7",
  undo: "M5.5 3L2.8 5.8l2.7 2.7M3 5.8h6.2a3.6 3.6 0 0 1 0 7.2H7",
  redo: "M10.5 3l2.7 2.8-2.7 2.7M13 5.8H6.8a3.6 3.6 0 0 0 0 7.2H9",
  skip: "M3 4l4 4-4 4M8.5 4l4 4-4 4",
  flag: "M4 14V2.5h8.5L10.5 5.5l2 3H4",
  map: "M3.5 4h.01M8 3h.01M12.5 5h.01M4.5 8.5h.01M9 8h.01M12.5 10.5h.01M6 12.5h.01M10 13h.01",
  grid: "M2.5 2.5h4.2v4.2H2.5zM9.3 2.5h4.2v4.2H9.3zM2.5 9.3h4.2v4.2H2.5zM9.3 9.3h4.2v4.2H9.3z",
  image: "M2 3h12v10H2zM2 11l3.5-3.5L9 11l2-2 3 3M10.5 6h.01",
  trash: "M3 4.5h10M6.2 4.5V2.8h3.6v1.7M4.3 4.5l.6 8.7h6.2l.6-8.7M6.8 7v3.8M9.2 7v3.8",
  folder: "M2 12.5v-9h4.2l1.6 2H14v7z",
  stop: "M4.5 4.5h7v7h-7z",
  play: "M5 3.5l7 4.5-7 4.5z",
  download: "M8 2.5v7.5M4.8 7L8 10.2 11.2 7M3 13.2h10",
  search: "M7 2.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4zM10.2 10.2l3.3 3.3",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  lasso: "M8 3C4.7 3 2.2 4.6 2.2 6.6S4.7 10.2 8 10.2s5.8-1.6 5.8-3.6S11.3 3 8 3z" +
    "M5 9.8c-1 .9-.6 2.2.6 2.2 1 0 1.4.9.6 1.8",
  box: "M3 3h2M7 3h2M11 3h2v2M13 7v2M13 11v2h-2M9 13H7M5 13H3v-2M3 9V7M3 5V3",
  lock: "M4 7.2h8v6.3H4zM5.8 7.2V5.1a2.2 2.2 0 0 1 4.4 0v2.1",
  copy: "M5.5 5.5h8v8h-8zM3 10.5h-.5v-8h8V3",
  arrows: "M13 6.5A5.2 5.2 0 0 0 3.6 5.2M3 9.5a5.2 5.2 0 0 0 9.4 1.3M3.4 2.2v3.2h3.2M12.6 13.8v-3.2H9.4",
  warn: "M8 2.2l6.2 11.3H1.8zM8 6.3v3.4M8 11.6v.2",
  edit: "M3 13l.6-2.8L10.8 3 13 5.2 5.8 12.4zM9.5 4.3l2.2 2.2",
  more: "M3.5 8h.01M8 8h.01M12.5 8h.01",
  eye: "M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6",
  external: "M9 3h4v4M13 3L7.5 8.5M7 4H3v9h9V9",
};
const THIN = ["cpu"], THICK = ["more", "map"];

/** An icon in the colour of the text beside it. */
export function icon(name) {
  const pen = {
    fill: "none",
    stroke: "currentColor",
    "stroke-width": THIN.includes(name) ? 1.2 : THICK.includes(name) ? 2.4 : 1.5,
    "stroke-linecap": "round",
    "stroke-linejoin": "round",
  };
  const svg = drawn("svg", { viewBox: "0 0 16 16", class: "ico", ...pen, "aria-hidden": "true" });
  svg.append(drawn("path", { d: PATHS[name] || "" }));
  return svg;
}

/** Nine dots, one of them chosen. */
export function logo() {
  const svg = drawn("svg", { viewBox: "0 0 20 20", class: "logo", "aria-hidden": "true" });
  for (let i = 0; i < 9; i += 1) {
    const chosen = i === 5, place = { cx: 3 + 7 * (i % 3), cy: 3 + 7 * Math.floor(i / 3) };
    svg.append(
      drawn("circle", { ...place, r: chosen ? 3 : 1.7, fill: "currentColor", ...(chosen && { class: "dot" }) }),
    );
  }
  return svg;
}
