// Goals of their own for some classes: "at least 98 % of what is accepted as rose shall be right".
import { el } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { redraw } from "../shell/redraw.js";
import { counted, t } from "../shell/text.js";
import { fmt } from "../shell/format.js";
import { app } from "../shell/app.js";
import { percent } from "./finish_facts.js";

const MOST = 12; // classes that can be asked: the check images are shared by them

const nameOf = (id) => app.state?.classes.find((each) => each.id === id)?.name || `${id}`;

/** What was said of each class. */
export function partWords(parts) {
  return parts.map(({ class_id: id, goal, able, checks, wrong }) => {
    const told = { name: nameOf(id), goal: percent(goal), able: fmt.int(able), checks: fmt.int(checks) };
    return el("p", {}, t(able ? "finish.own_can" : "finish.own_cannot", { ...told, wrong: fmt.int(wrong) }));
  });
}

export class OwnGoals {
  constructor(changed) {
    this.changed = changed;
    /** @type {Record<number, number>} class -> goal */
    this.goals = {};
    this.list = el("div", { class: "own-list" });
    this.node = el(
      "details",
      { class: "own-goals", id: "finish-own", hidden: true },
      el("summary", {}, icon("chevron-right"), t("finish.own")),
      el("p", { class: "small" }, t("finish.own_help")),
      this.list,
    );
  }

  get any() {
    return Object.keys(this.goals).length > 0;
  }

  /** Whether something was asked, or is accepted, with these goals and no others. */
  are(found, goal) {
    const theirs = found.own || Object.fromEntries((found.parts || []).map((each) => [each.class_id, each.goal]));
    const ids = Object.keys(this.goals), same = (id) => Math.abs((theirs[id] || 0) - this.goals[id]) < 1e-6;
    return Math.abs(found.goal - goal) < 1e-6 && Object.keys(theirs).length === ids.length && ids.every(same);
  }

  set(goals) {
    this.goals = { ...goals };
    this.node.open = this.any;
  }

  /** data: what the page knows of finishing, or null; least: the goal of all, below which no class's own can be. */
  draw(data, least) {
    this.node.hidden = !data || data.classes.length < 2;
    if (this.node.hidden) return;
    for (const id of Object.keys(this.goals)) if (this.goals[id] < least - 1e-6) this.goals[id] = least;
    redraw(this.list, [data.classes, data.goals.length, least, this.goals], () => this.lines(data, least));
  }

  lines(data, least) {
    const free = data.classes.filter((each) => !(each.id in this.goals));
    const goals = data.goals.map((each) => each.goal).filter((goal) => goal >= least - 1e-6);
    const add = el(
      "select",
      { class: "field", id: "finish-own-add", "aria-label": t("finish.own_add") },
      el("option", { value: "" }, t("finish.own_add")),
      free.map(({ id }) => el("option", { value: String(id) }, nameOf(id))),
    );
    add.addEventListener("change", () => this.change({ ...this.goals, [add.value]: least }));
    const mine = data.classes.filter((each) => each.id in this.goals);
    return [
      ...mine.map((each) => this.line(each, goals)),
      free.length > 1 && mine.length < MOST ? add : null,
    ].filter(Boolean);
  }

  line({ id, checks }, goals) {
    const name = nameOf(id);
    const list = el(
      "select",
      { class: "field", "aria-label": t("finish.own_goal", { name }) },
      goals.map((goal) => el("option", { value: String(goal) }, percent(goal))),
    );
    list.value = String(this.goals[id]);
    list.addEventListener("change", () => this.change({ ...this.goals, [id]: Number(list.value) }));
    const { [id]: _gone, ...others } = this.goals, words = t("finish.own_drop", { name });
    const drop = { class: "btn slim quiet", type: "button", "aria-label": words, title: words };
    return el(
      "div",
      { class: "own-line" },
      el("span", { class: "clip", dir: "auto" }, name),
      list,
      el("span", { class: "small" }, counted("finish.own_has", checks)),
      el("button", { ...drop, onclick: () => this.change(others) }, "×"),
    );
  }

  change(goals) {
    this.goals = goals;
    this.changed();
  }
}
