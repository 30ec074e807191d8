// What the person is asked about a file of labels: its columns, and whatever is not sure. Answers are read anew.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { counted, knows, t } from "../shell/text.js";

const LISTS = ["labels_image_column", "labels_class_column", "labels_encoding", "labels_level", "labels_folder"];

/** Nodes with all questions of a preview and the file's first rows. say(option, value) answers one. */
export function questions(found, say) {
  const lists = found.questions.filter((each) => LISTS.includes(each.option));
  const others = found.questions.filter((each) => !LISTS.includes(each.option));
  return [
    found.kind === "folders" || !found.sheet.title ? "" : el("p", { class: "small" }, about(found.sheet)),
    lists.length ? el("div", { class: "li-asks" }, lists.map((each) => list(each, say))) : "",
    found.sheet.rows.length && found.kind !== "folders" ? rows(found) : "",
    ...others.map((each) => choice(each, say)),
  ].filter(Boolean);
}

function about({ title, encoding }) {
  const plain = encoding === "utf-8" || encoding.startsWith("utf-16");
  return plain ? t("import.read_as", { title }) : t("import.read_in", { title, encoding });
}

/** A question with many answers. */
function list(question, say) {
  const { option, answers, answer, examples, must } = question;
  const shown = (each, at) => (option === "labels_level" ? examples[at] : each || t("import.labels_folder_all"));
  const known = answers.includes(answer);
  const offered = answers.map((each, at) =>
    el("option", { value: each, selected: each === answer && !must }, shown(each, at))
  );
  const none = el("option", { value: "", selected: must || !known, disabled: true }, t("import.choose"));
  const guess = must && known
    ? el("span", { class: "small" }, t("import.guess", { answer: shown(answer, answers.indexOf(answer)) }))
    : "";
  return el(
    "label",
    { class: must ? "li-ask li-must" : "li-ask" },
    t(`import.${option}`),
    el("select", { class: "field", name: option, onchange: (event) => say(option, event.target.value) }, none, offered),
    guess,
  );
}

/** A question with few answers, and what it is about. */
function choice({ option, answers, answer, examples, count, must }, say) {
  const radio = (each) =>
    el(
      "label",
      { class: "li-keep" },
      el("input", {
        type: "radio",
        name: option,
        value: each,
        checked: each === answer,
        onchange: () => say(option, each),
      }),
      t(`import.${option}.${each}`),
    );
  const key = `import.${option}`;
  const about = knows(`${key}_one`) ? counted(key, count) : t(key);
  return el(
    "fieldset",
    { class: must ? "li-keeps li-must" : "li-keeps" },
    el("legend", {}, about),
    examples.length ? el("p", { class: "li-about", dir: "auto" }, some(examples, count)) : "",
    answers.map(radio),
  );
}

/** The examples that came with a question, and how many more there are. */
function some(examples, count) {
  const files = examples.join("; "), more = count - examples.length;
  return more > 0 ? t("import.and_more", { files, n: fmt.int(more) }) : files;
}

/** The first rows as they stand in the file, the two columns that count marked. */
function rows({ sheet, questions }) {
  const answer = (option) => questions.find((each) => each.option === option)?.answer;
  const mark = { [answer("labels_image_column")]: "li-file", [answer("labels_class_column")]: "li-class" };
  const of = (at) => (sheet.columns[at] in mark ? mark[sheet.columns[at]] : "");
  return el(
    "div",
    { class: "li-sheet", tabindex: "0", role: "region", "aria-label": t("import.rows") },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, sheet.columns.map((name, at) => el("th", { scope: "col", class: of(at) }, name)))),
      el(
        "tbody",
        {},
        sheet.rows.map((cells) =>
          el(
            "tr",
            {},
            sheet.columns.map((_name, at) => el("td", { class: of(at), title: cells[at] || "" }, cells[at] || "")),
          )
        ),
      ),
    ),
  );
}
