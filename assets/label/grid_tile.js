// One image of the grid.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { thumbUrl } from "../shell/pictures.js";
import { t } from "../shell/text.js";

export function makeTile(id) {
  const image = el("img", { src: thumbUrl(id), alt: "", draggable: "false" });
  const picture = el("span", { class: "lg-picture" }, image);
  const tile = el(
    "div",
    { class: "lg-tile", role: "option", id: `lg-${id}` },
    picture,
    el("span", { class: "lg-words" }),
  );
  return Object.assign(tile, { fsId: id, fsPlace: 0, fsPicture: image });
}

/** What is said below an image: its class, or what it looks like. like: the class of the list, or null;
 *  not: a person said that it is not what the model says. */
export function tileWords({ marked, like, found, state, classOf, not = false }) {
  const given = state && state.kind === "label" ? classOf(state.class) : like;
  if (marked && like) return t("grid.not", { name: given ? given.name : "" });
  if (like && found) return fmt.pct(found.sure, 0);
  if (state) return given ? given.name : t(`label.state_${state.kind}`);
  const name = found ? classOf(found.class)?.name || "" : "";
  return name && not ? t("grid.not", { name }) : name;
}
