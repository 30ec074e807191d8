// Odd images of the pool: how many there are, and the way to them with what the model says of them.
import { loadOdd, oddStamp, oddWords } from "../images/odd.js";
import { keepList, see } from "../review/address.js";
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { t } from "../shell/text.js";
import { canLook } from "./words.js";

const NOTHING = { stateOf: () => null }; // the server has dropped what is left out

export class OddPart {
  constructor() {
    this.stamp = "";
    this.node = el("section", { class: "part results-odd", hidden: true });
  }

  update(data) {
    this.run = data.run.id;
    if (!canLook(data) || app.page !== "results") this.node.hidden = !canLook(data) || !this.stamp;
    if (!canLook(data) || app.page !== "results" || oddStamp() === this.stamp) return;
    const stamp = this.stamp = oddStamp();
    loadOdd().then((found) => {
      if (this.stamp === stamp) this.draw(found);
    }, (error) => {
      this.stamp = "";
      console.warn("no odd images:", error);
    });
  }

  draw(found) {
    const ids = [...new Set(found.lists.flatMap((each) => each.ids))], look = { class: "btn slim", type: "button" };
    const open = () => see({ run: this.run, list: keepList("odd", ids), by: "wrong" });
    this.node.hidden = !ids.length;
    this.node.replaceChildren(
      el("h2", {}, t("grid.group_odd")),
      el("p", { class: "small" }, oddWords(found, NOTHING), " ", t("odd.leave_hint")),
      el("button", { ...look, id: "results-odd", onclick: open }, t("odd.look")),
    );
  }
}
