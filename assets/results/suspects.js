// Labels to look at again: how many there are, and the way to them.
import { keepList, see } from "../review/address.js";
import { loadSuspects, suspected } from "../images/doubts.js";
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { stampNow } from "../shell/state.js";
import { counted, t } from "../shell/text.js";
import { canLook } from "./words.js";

const SOON = 400; // ms that the rest of the page has first

export class Suspects {
  constructor() {
    this.stamp = "";
    this.node = el("section", { class: "part results-suspects", hidden: true });
  }

  update(data) {
    this.data = data;
    this.node.hidden = !canLook(data);
    if (this.node.hidden || app.page !== "results" || stampNow() === this.stamp) return;
    const stamp = this.stamp = stampNow();
    setTimeout(async () => {
      if (this.stamp !== stamp) return; // labels have changed again: a later one asks
      try {
        const found = await loadSuspects(stamp);
        if (this.stamp === stamp) this.draw(found);
      } catch (error) {
        console.warn("no suspects:", error);
      }
    }, SOON);
  }

  draw(found) {
    const ids = suspected(found);
    const words = found.why
      ? t(`results.suspects_${found.why}`)
      : counted("results.suspects", ids.length, { total: found.n });
    // Where none stands out the order still puts the most doubtful first: a wrong one may be among them.
    const only = ids.length ? { list: keepList("doubt", ids) } : {};
    const open = () => see({ run: this.data.run.id, ...only, by: "doubt" });
    const look = { class: "btn slim", type: "button", id: "results-suspects", onclick: open };
    this.node.replaceChildren(
      el("h2", {}, t("results.suspects_title")),
      el("p", { class: "small" }, words),
      ...(found.why ? [] : [el("button", look, t(`results.suspects_${ids.length ? "look" : "first"}`))]),
    );
  }
}
