// What an import of labels would do, in words and rows.
import { app } from "../shell/app.js";
import { classMark, el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { thumbUrl } from "../shell/pictures.js";
import { counted, t } from "../shell/text.js";

const REASONS = [
  "unknown",
  "elsewhere",
  "ambiguous",
  "chance",
  "differing",
  "several",
  "groups",
  "boxes",
  "refused",
  "empty",
  "unfit",
  "gone",
];

/** Nodes that say what would happen. keep: whose label stays where two differ; check: what is kept apart. */
export function preview(found, keep, chooseKeep, check, chooseCheck) {
  const say = (key, count) => (count ? el("p", {}, counted(key, count)) : "");
  const fresh = found.images - found.conflicts.count, clash = found.conflicts.count;
  return [
    found.images ? say("import.new", fresh) : el("p", {}, t("import.nothing")),
    clash ? choices("keep", counted("import.conflicts", clash), ["mine", "theirs"], keep, chooseKeep) : "",
    say("import.same", found.already_same),
    say("import.by_case", found.by_case),
    say("import.skipped", found.skipped),
    ...REASONS.filter((reason) => reason in found.left).map((reason) => leftOut(reason, found.left[reason])),
    found.parts.length ? el("p", {}, t("import.parts", { parts: counts(found.parts) })) : "",
    found.strange_parts.length ? strangeParts(found.strange_parts) : "",
    fresh > 1 ? heldOut(found, fresh, check, chooseCheck) : "",
    found.images ? classList(found) : "",
    found.images ? table(found, keep) : "",
  ].filter(Boolean);
}

/** Rows that give no label: how many, why, and the first of them with their numbers. */
function leftOut(reason, { count, first, where }) {
  const row = (each) => each.replace(/ of the (CSV|JSON|XML|folders)/g, "");
  const names = first.map((
    each,
    at,
  ) => (where[at] && !each.startsWith(where[at]) ? `${each} (${row(where[at])})` : each));
  const shown = names.slice(0, 5).join("; "), more = count - Math.min(5, names.length);
  const files = more > 0 ? t("import.and_more", { files: shown, n: fmt.int(more) }) : shown;
  const rest = names.length > 5
    ? el("details", {}, el("summary", {}, t("import.list")), names.map((each) => el("div", { dir: "auto" }, each)))
    : "";
  return el("div", { class: "note warn li-left" }, counted(`import.left_${reason}`, count, { files }), rest);
}

const counts = (parts) => parts.map(({ name, count }) => t("import.part", { name, n: fmt.int(count) })).join(", ");

/** Words in the column of the part that are none, such as a misspelt one. */
function strangeParts(parts) {
  const all = parts.reduce((sum, { count }) => sum + count, 0);
  return el(
    "div",
    { class: "note warn", dir: "auto" },
    counted("import.strange_parts", all, { parts: counts(parts) }),
  );
}

/** Whether some of the images are kept apart to measure with. */
function heldOut(found, fresh, check, choose) {
  const ways = ["none", "share", ...(found.test ? ["split"] : [])];
  const told = { n: fmt.int(Math.max(1, Math.round(0.2 * fresh))), test: fmt.int(found.test) };
  return choices("check", t("import.check"), ways, check, choose, told);
}

function choices(name, legend, values, chosen, choose, told = {}) {
  const radio = (value) =>
    el(
      "label",
      { class: "li-keep" },
      el("input", {
        type: "radio",
        name: `li-${name}`,
        value,
        checked: chosen === value,
        onchange: () => choose(value),
      }),
      t(`import.${name === "keep" ? value : `check_${value}`}`, told),
    );
  return el("fieldset", { class: "li-keeps" }, el("legend", {}, legend), values.map(radio));
}
const classOf = (name) => (app.state.classes || []).find((each) => each.name === name);
const mark = (name) => classOf(name) ? classMark(classOf(name)) : el("span", { class: "mark", "aria-hidden": "true" });

function classList(found) {
  const fresh = new Set(found.new_classes), more = found.classes_count - found.classes.length;
  return el(
    "div",
    {},
    el("h2", {}, t("import.classes")),
    el(
      "ul",
      { class: "li-classes" },
      found.classes.map(({ name, count }) =>
        el(
          "li",
          { class: "tag" },
          mark(name),
          el("span", { class: "clip", dir: "auto", title: name }, name),
          fmt.int(count),
          fresh.has(name) ? el("b", {}, t("import.class_new")) : "",
        )
      ),
      more > 0 ? el("li", { class: "small" }, t("import.more_classes", { n: fmt.int(more) })) : "",
    ),
  );
}
function table(found, keep) {
  const clash = found.conflicts.count > 0, none = t("import.no_label");
  const rows = [...found.conflicts.first, ...found.rows.filter((each) => each.mine === null)].slice(0, 20);
  const cell = (name, off) =>
    el(
      "span",
      { class: `li-label${off ? " li-off" : ""}` },
      mark(name),
      el("span", { class: "clip", dir: "auto", title: name }, name),
    );
  return el(
    "div",
    {},
    el("h2", {}, t("import.first")),
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", { scope: "col", colspan: "2" }, t("import.image")),
          clash ? el("th", { scope: "col" }, t("import.now")) : "",
          el("th", { scope: "col" }, t("import.label")),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((each) =>
          el(
            "tr",
            {},
            el(
              "td",
              { class: "li-pic" },
              el("img", {
                class: "thumb",
                src: thumbUrl(each.id),
                alt: "",
                width: "32",
                height: "32",
                loading: "lazy",
              }),
            ),
            el("td", { class: "li-path" }, el("span", { class: "clip", title: each.path }, each.path)),
            clash ? el("td", {}, each.mine === null ? "" : cell(each.mine || none, keep === "theirs")) : "",
            el("td", {}, cell(each.label, each.mine !== null && keep === "mine")),
          )
        ),
      ),
    ),
  );
}
