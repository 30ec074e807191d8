// What the networks see of each picture: one choice for the whole project.
import { app } from "../shell/app.js";
import { askFirst } from "../shell/dialog.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { toast } from "../shell/notices.js";
import { redraw } from "../shell/redraw.js";
import { api } from "../shell/server.js";
import { t } from "../shell/text.js";

/** The words below the list: help of the choice, and where it stops being useful.
 *  @param {FieldChoice & {limits: string}} choice */
const about = (choice) => [choice.help, choice.limits].filter(Boolean).join(" ");

export class ViewPart {
  constructor() {
    this.node = el("section", { class: "part" });
  }

  /** found: the answer of /x/KEY/found, or null. */
  draw(project, found) {
    this.node.hidden = !project || !found;
    if (this.node.hidden) return;
    const { view } = found;
    redraw(this.node, [project.key, view], () => {
      const option = (each) => el("option", { value: each.value, selected: each.value === view.chosen }, each.title);
      const onchange = () => this.choose(view, list).catch(toast);
      const list = el("select", { class: "field", id: "p-view", onchange }, view.choices.map(option));
      const now = view.choices.find((each) => each.value === view.chosen);
      return [
        el("div", { class: "p-head" }, el("h2", {}, el("label", { for: "p-view" }, t("project.view")))),
        list,
        el("p", { class: "small", style: { "margin-top": "8px" } }, about(now)),
      ];
    });
  }

  /** Ask first where there are features: those of another view are other ones. */
  async choose(view, list) {
    const name = list.value, { counts, runs } = app.state;
    const done = runs.some((run) => run.kind === "features" && run.status === "done");
    const text = t("project.view_text", { n: fmt.int(counts.pool) });
    const sure = !done || await askFirst({ title: t("project.view_ask"), text, yes: t("project.view_yes") });
    if (!sure) {
      list.value = view.chosen;
      return;
    }
    list.disabled = true; // one after the other: the answer to the first would come after the choice of the second
    try {
      Object.assign(view, await api("/view", { name }));
    } catch (error) {
      list.value = view.chosen;
      throw error;
    } finally {
      list.disabled = false;
      if (document.activeElement === document.body) list.focus(); // a list that is turned off loses it
    }
    const now = view.choices.find((each) => each.value === view.chosen);
    this.node.querySelector("p").textContent = about(now);
  }
}
