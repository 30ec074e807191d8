// The recipes with what each is for and the time that it takes here, under the field that names the chosen one.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { icon } from "../shell/icons.js";
import { redraw } from "../shell/redraw.js";
import { t } from "../shell/text.js";
import { follow } from "./follow.js";
import { fitOf, pressHidden } from "./form.js";
import { expected, formValues } from "./times.js";

const recipe = { wanted: "" };
const SOON = "lm+"; // what gives a first answer quickest, and a good one
const LONG = 180; // s: from which on it is spoken of

/** What Gradio's handler of the hidden button asks for. */
export const wantedRecipe = () => recipe.wanted;

function take(name) {
  recipe.wanted = name;
  pressHidden("train-recipe");
}

/** The piece "train-recipes". */
export function trainRecipes(root) {
  const list = el("div", { class: "train-recipes" });
  const sooner = el("p", { class: "small", role: "status", hidden: true });
  root.append(
    sooner,
    el("details", { class: "train-all" }, el("summary", {}, icon("chevron-right"), t("train.recipes")), list),
  );
  return follow(() => {
    const { recipes } = expected(), values = formValues();
    root.hidden = !values;
    if (!values) return;
    drawSooner(sooner, recipes, values.recipe);
    const { recipe: chosen, backbone } = values, all = Object.keys(recipes);
    const never = all.filter((name) => isNever(name, backbone)), able = all.filter((name) => !never.includes(name));
    redraw(list, [recipes, chosen, never], () => [...able, ...never].map((name) => line(name, chosen, backbone)));
  });
}

/** Before the first training: that a recipe of seconds gives a first answer, where the chosen one takes long. */
function drawSooner(host, recipes, chosen) {
  const trained = (app.state?.runs || []).some((run) => run.kind === "train" && run.status === "done");
  const soon = recipes[SOON], long = recipes[chosen];
  host.hidden = trained || !soon || !long || long < LONG || soon > long / 3;
  if (host.hidden) return;
  const told = { recipe: t(`recipe.${SOON}`), time: fmt.about(soon) };
  const button = el("button", { class: "link", type: "button", onclick: () => take(SOON) }, t("train.sooner_take"));
  redraw(host, told, () => [t("train.sooner", told), " ", button]);
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
