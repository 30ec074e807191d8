// The select page's static parts: head, form, map, strip, a closer look.
import { el } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { Parts } from "../shell/parts.js";
import { t } from "../shell/text.js";

/** Build the page into its root. The named parts. page: what its buttons do. */
export function buildFrame(root, page) {
  const make = new Parts();
  root.classList.add("fill", "sl");
  root.append(
    el(
      "div",
      { class: "page-head" },
      el("h1", {}, t("select.title")),
      make.part("fact", "span", { class: "fact" }),
      make.part("primary", "button", { type: "button", class: "btn primary", onclick: () => page.primary() }),
    ),
    el("div", { class: "panes sl-panes" }, form(make, page), middle(make, page), side(make)),
  );
  return make.named;
}

function form(make, page) {
  const button = (name, extend) =>
    make.part(name, "button", { type: "button", class: "btn", onclick: () => page.start(extend) });
  return el(
    "section",
    { class: "pane sl-form", "aria-label": t("select.title") },
    make.part("only", "div", { class: "note sl-only", role: "status", hidden: true }),
    make.part("note", "div", { class: "sl-oddnote" }),
    make.part("form", "div", { class: "sl-fields" }),
    make.part("lack", "div", { class: "note warn", role: "status", hidden: true }),
    make.part(
      "again",
      "div",
      { class: "sl-again" },
      make.part("now", "p", { class: "small" }),
      button("add", true),
      el("p", { class: "small" }, t("select.add_hint")),
      button("anew", false),
      el("p", { class: "small" }, t("select.again_hint")),
    ),
    make.part("kept", "p", { class: "small sl-kept" }),
  );
}

function middle(make, page) {
  const view = (name) =>
    make.part(
      `view_${name}`,
      "button",
      { type: "button", "aria-pressed": String(name === "map"), onclick: () => page.show(name) },
      t(`select.${name}`),
    );
  const group = { class: "seg", role: "group", "aria-label": t("select.view") };
  return el(
    "section",
    { class: "pane sl-middle", "aria-label": t("select.map") },
    el(
      "div",
      { class: "pane-head" },
      make.part("heading", "h2", {}, t("select.map")),
      make.part("about", "span", { class: "small clip" }),
      el("span", { class: "push" }),
      make.part("views", "div", group, view("map"), view("grid"), view("odd")),
    ),
    make.part("run", "div", { class: "sl-run", hidden: true }),
    map(make, page),
    make.part("grid", "div", { class: "sl-grid", hidden: true }),
    make.part("odd", "div", { class: "sl-odd", hidden: true }),
    strip(make, page),
  );
}

function map(make, page) {
  const button = (image, key, onclick) => {
    const words = { title: t(key), "aria-label": t(key) };
    return el("button", { type: "button", class: "btn icon", ...words, onclick }, icon(image));
  };
  const tool = (name) => {
    const words = { title: t(`choice.${name}`), "aria-label": t(`choice.${name}`), "aria-pressed": "false" };
    const onclick = () => page.hand.tool(name);
    return make.part(name, "button", { type: "button", class: "btn icon", ...words, onclick }, icon(name));
  };
  return make.part(
    "mapside",
    "div",
    { class: "sl-mapside" },
    make.part("map", "div", { class: "sl-map" }),
    make.part(
      "zoom",
      "div",
      { class: "sl-zoom" },
      button("plus", "select.closer", () => page.map.zoom(1.4)),
      button("minus", "select.farther", () => page.map.zoom(1 / 1.4)),
      button("fit", "select.fit", () => page.map.fit()),
      make.part("tools", "div", { class: "sl-tools", hidden: true }, tool("lasso"), tool("box")),
    ),
    make.part("loop", "div", { class: "lb-chosen sl-loop", role: "status", hidden: true }),
    make.part("legend", "div", { class: "lb-legend" }),
  );
}

function strip(make, page) {
  const onclick = () => page.show(page.view === "map" ? "grid" : "map");
  const toRejected = () => {
    page.show("grid");
    page.parts.grid.querySelector(".sl-out")?.scrollIntoView({ block: "start" });
  };
  return make.part(
    "stripside",
    "div",
    { class: "sl-stripside" },
    el(
      "div",
      { class: "sl-striphead" },
      make.part("count", "h2"),
      el("span", { class: "small clip" }, t("select.strip_hint")),
      el("span", { class: "push" }),
      make.part("out", "button", { type: "button", class: "link small", hidden: true, onclick: toRejected }),
      make.part("all", "button", { type: "button", class: "btn quiet slim", onclick }),
    ),
    make.part("strip", "div", { class: "sl-strip" }),
  );
}

function side(make) {
  return el(
    "section",
    { class: "pane sl-side", "aria-label": t("select.look") },
    make.part("look", "div", { class: "part" }),
    make.part("evidence", "div", { class: "part", hidden: true }),
    make.part("how", "div", { class: "part" }),
  );
}
