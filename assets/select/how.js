// How the images were chosen.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

/** title(option, value): what the form calls a value; told: [name, value] of other facts. */
export function factsOf(selection, told, title) {
  const config = selection.config || {}, info = config.info || {};
  const near = { n: fmt.int(info.near_duplicates), near: info.near };
  const rows = [
    ["strategy", title("strategy", selection.strategy)],
    ["instead", info.instead && t("select.instead", { name: title("strategy", info.instead) })],
    ["backbone", title("backbone", selection.backbone)],
    ...told,
    ["time", fmt.time(selection.seconds)],
    ["seed", config.seed],
    ["near", info.near_duplicates && t(info.near_duplicates === 1 ? "select.near_one" : "select.near_from", near)],
    ["sample", info.sample && t("select.sampled", { n: fmt.int(info.sample) })],
  ];
  const known = rows.filter(([name, value]) => (name === "seed" ? value !== undefined && value !== null : value));
  const line = ([name, value]) => [el("dt", {}, t(`select.how_${name}`)), el("dd", {}, String(value))];
  return [el("h2", {}, t("select.how")), el("dl", { class: "facts" }, known.map(line))];
}
