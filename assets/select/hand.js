// Adding to the choice by hand: one image, the dots in a loop or a box, a region without a pick.
import { addByHand, takeBack } from "../images/by_hand.js";
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { toast } from "../shell/notices.js";
import { redraw } from "../shell/redraw.js";
import { api } from "../shell/server.js";
import { refreshState } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { pendingRun } from "./progress.js";

const TOOLS = ["lasso", "box"];

export class Hand {
  /** page: {parts, map, chosen, take(queue), look(id), kindOf(id)} */
  constructor(page) {
    this.page = page;
    this.ids = []; // the dots of the loop
    const chooseAgain = (id) => this.undoReject(id);
    this.acts = { add: (id) => this.add([id]), takeBack: (id) => this.takeBack([id]), chooseAgain };
  }

  /** Whether there is a choice to add to. */
  may(state = app.state) {
    return Boolean(state && state.selection && !pendingRun(state));
  }

  tool(name) {
    const { map, parts } = this.page, now = map.tool === name ? "" : name;
    map.setTool(now);
    for (const each of TOOLS) parts[each].setAttribute("aria-pressed", String(each === now));
  }

  loop(ids) {
    this.ids = ids;
    this.draw();
  }

  /** Those of the loop that can be added, as far as is known here. */
  free() {
    const { chosen, kindOf } = this.page, mine = new Set(chosen.entries.map((entry) => entry.id));
    return this.ids.filter((id) => !mine.has(id) && !kindOf(id));
  }

  draw() {
    const { parts } = this.page, n = this.ids.length, may = this.may(), free = n && may ? this.free().length : 0;
    parts.tools.hidden = !may;
    parts.loop.hidden = !n || !may;
    const button = (words, onclick) => el("button", { type: "button", class: "lb-bar-button", onclick }, words);
    redraw(parts.loop, [n, may, this.ids[0], free], () => [
      el("strong", {}, counted("choice.selected", n)),
      free ? button(counted("choice.add_n", free), () => this.add(this.ids)) : el("span", {}, t("choice.loop_none")),
      el("span", { class: "push" }),
      button(t("choice.unselect"), () => this.page.map.select([])),
    ]);
  }

  async add(ids) {
    if (!this.may()) return;
    await addByHand(ids, (found) => {
      this.page.map.select([]);
      this.page.take(found.queue);
      for (const id of found.ids) this.page.map.grow(id);
    });
  }

  async undoReject(id) {
    try {
      const { queue } = await api("/reject/undo", { item: id });
      this.page.take(queue);
      this.page.look(id);
      refreshState();
    } catch (error) {
      toast(error);
    }
  }

  takeBack(ids) {
    return takeBack(ids, (found) => this.page.take(found.queue));
  }
}
