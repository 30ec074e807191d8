// What an import of labels would do, in words and rows.
import { app } from "../shell/app.js";
import { classMark, el, thumbUrl } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { counted, t } from "../shell/text.js";

/** Nodes that say what would happen. keep: whose label stays where two differ; choose(whose) takes the other. */
export function preview(found, keep, choose) {
  const say = (key, count) => (count ? el("p", {}, counted(key, count)) : "");
  const files = ({ count, first }) => {
    const names = first.join(", "), more = count - first.length;
    return more > 0 ? t("import.and_more", { files: names, n: fmt.int(more) }) : names;
  };
  const warn = (key, told) =>
    told.count ? el("p", { class: "note warn" }, counted(key, told.count, { files: files(told) })) : "";
  const radio = (whose) =>
    el(
      "label",
      { class: "li-keep" },
      el("input", {
        type: "radio",
        name: "li-keep",
        value: whose,
        checked: keep === whose,
        onchange: () => choose(whose),
      }),
      t(`import.${whose}`),
    );
  const fresh = found.images - found.conflicts.count, clash = found.conflicts.count;
  return [
    found.images ? say("import.new", fresh) : el("p", {}, t("import.nothing")),
    clash
      ? el(
        "fieldset",
        { class: "li-keeps" },
        el("legend", {}, counted("import.conflicts", clash)),
        radio("mine"),
        radio("theirs"),
      )
      : "",
    say("import.same", found.already_same),
    say("import.skipped", found.skipped),
    warn("import.unknown", found.unknown),
    warn("import.ambiguous", found.ambiguous),
    warn("import.differing", found.differing),
    found.images ? classList(found) : "",
    found.images ? table(found, keep) : "",
  ].filter(Boolean);
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
  const clash = found.conflicts.count > 0;
  const rows = [...found.conflicts.first, ...found.rows.filter((each) => !each.mine)].slice(0, 20);
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
            clash ? el("td", {}, each.mine ? cell(each.mine, keep === "theirs") : "") : "",
            el("td", {}, cell(each.label, each.mine && keep === "mine")),
          )
        ),
      ),
    ),
  );
}
