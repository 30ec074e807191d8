// The Train form. Gradio has its values: its handlers call choose, fill and submit (see app/pages/train/page.py).
import { app } from "../shell/app.js";
import { backboneOf, backbones, onBackbones, readBackbones } from "../shell/backbones.js";
import { fmt } from "../shell/format.js";
import { toast } from "../shell/notices.js";
import { api } from "../shell/server.js";
import { refreshState } from "../shell/state.js";
import { t } from "../shell/text.js";
import { shownRun, showRun, tell } from "./follow.js";
import { weigh } from "./times.js";

const AGAIN = 3000; // ms between looks at the weights while those of the chosen backbone are missing
const form = { recipe: "", backbone: "", fit: {} };

/** Press one of Gradio's hidden buttons; whether it is there. */
export function pressHidden(id) {
  const button = document.querySelector(`#${id} button, button#${id}`);
  if (button instanceof HTMLElement) button.click();
  return Boolean(button);
}

/** The form's choices as they stand now. known.fit: recipe -> {phases, never: backbones that it cannot train}. */
export function choose(recipe, backbone, known) {
  Object.assign(form, { recipe, backbone, fit: known.fit });
  const place = document.getElementById("train-form");
  // page.css hides the options of phases that this recipe does not have.
  if (place && known.fit[recipe]) place.dataset.phases = known.fit[recipe].phases.join(" ");
  if (isSeen()) readBackbones().catch(() => {});
  tell();
}

/** {phases, never: backbones that it cannot train} of a recipe, once the form has told it. */
export const fitOf = (recipe) => form.fit[recipe];

/** Why the form as it stands cannot start a run, as obstacle() tells it. */
export const hindrance = () => obstacle(form.recipe, form.backbone);

/** Why a run with these settings cannot start, as {text, page}: null where nothing is known to stand in its way. */
export function obstacle(recipe, backbone) {
  const fit = form.fit[recipe], net = backboneOf(backbone), title = net ? net.title : backbone;
  if (fit && (fit.never.includes(backbone) || (net && net.unfit.includes(recipe)))) {
    const why = fit.phases.some((each) => ["ln", "bitfit"].includes(each)) ? "train.no_norms" : "train.no_fit";
    return { text: t(why, { recipe: t(`recipe.${recipe}`), backbone: title }) };
  }
  if (!net || net.ready) return null;
  const lack = { backbone: title, size: fmt.bytes(net.bytes) };
  return { text: t(net.bytes ? "train.no_weights" : "train.no_file", lack), page: "project" };
}

/** The stock form hands its values over in the browser; the run is queued by our own route. */
export async function submit(names, values) {
  const config = Object.fromEntries(names.map((name, place) => [name, values[place]]));
  try {
    // What has been trained already would only be made again: the button says that it takes another seed.
    const { same, seed } = await api("/expected", { config });
    if (same) config.seed = seed;
    const answer = await api("/run", { kind: "train", config });
    showRun(answer.run);
  } catch (error) {
    toast(error);
  }
  refreshState();
  tell();
}

/** What the form shows: the settings of the shown run; before the first, the backbone that chose the images.
 *  known.own: effort -> backbone -> the values that depend on it; known.plain: what an option is by itself. What the
 *  run's recipe fixes is the effort's here (known.free): it would stay with another recipe, though nobody chose it. */
export function fill(names, values, known) {
  const run = shownRun(app.state), chosen = app.state.selection && app.state.selection.backbone;
  const now = Object.fromEntries(names.map((name, place) => [name, values[place]]));
  const own = chosen && chosen !== now.backbone ? { backbone: chosen, ...(known.own[now.preset] || {})[chosen] } : {};
  const fixed = run ? known.fit[run.config.recipe]?.fixes || [] : [], free = run ? known.free[run.config.preset] : {};
  const filled = names.map((name, place) => {
    if (!run) return own[name] ?? values[place];
    if (fixed.includes(name) && free) return free[name];
    const value = name.split(".").reduce((config, part) => (config ? config[part] : undefined), run.config);
    return value === undefined ? known.plain[name] ?? values[place] : value;
  });
  choose(filled[names.indexOf("recipe")], filled[names.indexOf("backbone")], known);
  weigh(names, filled);
  return filled;
}

const isSeen = () => app.page === "train" && !document.hidden;

/** Ask which weights are here: when the page opens, and while those of the chosen backbone are missing. */
export function watchWeights() {
  let marked = "[]";
  const read = () => isSeen() && readBackbones().catch(() => {});
  const timer = setInterval(() => backboneOf(form.backbone)?.ready || read(), AGAIN);
  const off = onBackbones(() => {
    const now = JSON.stringify(backbones().backbones.map((each) => [each.name, each.ready]));
    if (app.page !== "train" || now === marked) return;
    if (pressHidden("train-nets")) marked = now; // the list of backbones marks them
    tell();
  });
  document.addEventListener("fs:page", read);
  read();
  return () => {
    off();
    clearInterval(timer);
    document.removeEventListener("fs:page", read);
  };
}

/** Tab leaves a list of choices at once, and the list closes: Gradio looks for what is typed after every key, so that
 *  after Tab the list opens again behind the focus, with one entry. And an open list that scrolls is a stop of Tab,
 *  which is gone once its field has lost the focus. */
export function letTabLeaveLists() {
  const heard = (event) => {
    if (!["Tab", "Shift"].includes(event.key) || !event.target.matches("#train-form [role=combobox]")) return;
    event.stopPropagation();
    for (const list of document.querySelectorAll("#train-form [role=listbox]")) {
      list.setAttribute("tabindex", "-1");
    }
  };
  document.addEventListener("keydown", heard, true);
  return () => document.removeEventListener("keydown", heard, true);
}
