// The recipes with what each is for and the time that it takes here, under the field that names the chosen one.
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { redraw } from "../shell/redraw.js";
import { t } from "../shell/text.js";
import { follow } from "./follow.js";
import { fitOf, pressHidden } from "./form.js";
import { expected, formValues } from "./times.js";

const recipe = { wanted: "" };

/** What Gradio's handler of the hidden button asks for. */
export const wantedRecipe = () => recipe.wanted;

function take(name) {
  recipe.wanted = name;
  pressHidden("train-recipe");
}

/** The piece "train-recipes". */
export function trainRecipes(root) {
  const list = el("div", { class: "train-recipes" });
  root.append(
    el("details", { class: "train-all" }, el("summary", {}, icon("chevron-right"), t("train.recipes")), list),
  );
  return follow(() => {
    const { recipes } = expected(), values = formValues();
    root.hidden = !values;
    if (!values) return;
    const { recipe: chosen, backbone } = values, never = Object.keys(recipes).map((name) => isNever(name, backbone));
    redraw(list, [recipes, chosen, never], () => Object.keys(recipes).map((name) => line(name, chosen, backbone)));
  });
}

const isNever = (name, backbone) => Boolean(fitOf(name)?.never.includes(backbone));

function line(name, chosen, backbone) {
  const seconds = expected().recipes[name], never = isNever(name, backbone);
  const time = never
    ? t("train.recipe_never")
    : seconds
    ? t("train.recipe_time", { time: fmt.about(seconds) })
    : t("train.recipe_unknown");
  const look = { class: "train-recipe", type: "button", "aria-pressed": String(name === chosen), disabled: never };
  return el(
    "button",
    { ...look, dataset: { key: name }, onclick: () => take(name) },
    el("b", {}, t(`recipe.${name}`)),
    el("span", { class: "train-recipetime" }, time),
    el("span", { class: "small" }, t(`recipe_help.${name}`)),
  );
}
