// The fields of a form, made from what the server tells of an option: title, help above the field, limits, choices.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { t } from "../shell/text.js";

const MORE = [30, 100, 400]; // check images that are named beside the chosen number

/** A field of a form: its node, and say() after its value was changed from outside. form holds values and set().
 *  @param {Field} field */
export function makeField(field, form) {
  if (field.choices) return listField(field, form);
  return field.type === "bool" ? checkField(field, form) : numberField(field, form);
}

function labelled(field, input, help) {
  input.id = `sf-${field.name}`;
  return el("div", { class: "sl-field" }, el("label", { for: input.id }, field.title), help, input);
}

function numberField(field, form) {
  const limits = { min: field.low, max: field.high, step: field.type === "int" ? 1 : "any" };
  const value = String(form.values[field.name]);
  const input = el("input", { type: "number", class: "field sl-number", ...limits, value });
  const help = el("p", { class: "small" });
  const say = () => {
    help.textContent = [field.help, buys(field, form.values[field.name])].filter(Boolean).join(" ");
  };
  input.addEventListener("input", () => {
    const fine = input.value !== "" && input.checkValidity();
    input.setAttribute("aria-invalid", String(!fine));
    form.begun(field.name);
    if (fine) form.set(field.name, Number(input.value));
    say();
  });
  say();
  return { node: labelled(field, input, help), say };
}

// What so many check images are worth, beside more of them.
function buys(field, n) {
  if (!field.within) return "";
  const known = field.within.length, more = MORE.find((each) => each > n) ?? known;
  const points = (count) => ({ n: fmt.int(count), points: field.within[count - 1] });
  if (n > known) return t("select.buys_some", points(known));
  const have = app.state && app.state.selection ? app.state.selection.checks : 0;
  if (!n && have) return t("select.buys_have", { have: fmt.int(have) });
  const [now, then] = [points(n || MORE[0]), points(n ? more : MORE[1])];
  return t(n ? "select.buys" : "select.buys_none", { ...now, more: then.n, less: then.points });
}

function checkField(field, form) {
  const onchange = () => form.set(field.name, input.checked);
  const input = el("input", { type: "checkbox", checked: form.values[field.name], onchange });
  const label = el("label", { class: "sl-check" }, input, field.title);
  return { node: el("div", { class: "sl-field" }, label, el("p", { class: "small" }, field.help)), say() {} };
}

/** A list; form.titleOf(field, value) may call a value otherwise. */
function listField(field, form) {
  const about = el("p", { class: "small" }), rest = el("p", { class: "small" });
  const fold = el("details", { class: "sl-why" }, el("summary", { class: "small" }, t("select.why")), rest);
  const of = (value) => field.choices.find((each) => each.value === value);
  const option = (each) => el("option", { value: each.value }, each.title);
  const options = field.name === "strategy" ? strategies(field) : field.choices.map(option);
  const input = el("select", { class: "field" }, options);
  const learn = (value) => { // a network that was added on the Project page since
    const title = of(value) ? "" : form.titleOf(field.name, value);
    if (!title) return;
    field.choices.push({ value, title, help: "" });
    input.append(option({ value, title }));
  };
  const say = () => {
    learn(form.values[field.name]);
    const chosen = of(form.values[field.name]);
    input.value = form.values[field.name];
    about.textContent = chosen && chosen.help ? chosen.help : field.help;
    rest.textContent = chosen && field.name === "strategy" ? notes(field, chosen).join(" ") : "";
    fold.hidden = !rest.textContent;
    for (const each of input.options) {
      const title = form.titleOf(field.name, each.value);
      if (title && each.textContent !== title) each.textContent = title;
    }
  };
  if (!of(form.values[field.name])) form.values[field.name] = field.default;
  input.addEventListener("change", () => {
    form.set(field.name, input.value);
    say();
  });
  say();
  return { node: labelled(field, input, el("div", {}, about, fold)), say };
}

function strategies(field) { // those that learn from labels stand apart
  const title = (each) => each.value === field.default ? t("select.recommended", { name: each.title }) : each.title;
  const group = (label, list) => {
    return el("optgroup", { label: t(label) }, list.map((each) => el("option", { value: each.value }, title(each))));
  };
  return [
    group("select.from_pool", field.choices.filter((each) => !each.needs_labels)),
    group("select.from_labels", field.choices.filter((each) => each.needs_labels)),
  ];
}

function notes(field, chosen) {
  return [
    chosen.value === field.default && t("select.default"),
    chosen.needs_labels && t("select.needs_labels"),
    chosen.words && t("select.needs_words"),
    chosen.most > 0 && t("select.most", { n: fmt.int(chosen.most) }),
  ].filter(Boolean);
}
