// The pool as the model predicts it: the map, and the table to take away.
import { openStore } from "../images/store.js";
import { keepList, see } from "../review/address.js";
import { AnswersMap } from "../review/answers_map.js";
import { loadColumns } from "../review/columns.js";
import { factsOf, withLabels } from "../review/filter.js";
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { icon } from "../shell/icons.js";
import { keyed } from "../shell/key.js";
import { toast } from "../shell/notices.js";
import { stampNow } from "../shell/state.js";
import { t } from "../shell/text.js";
import { answered, store } from "./store.js";
import { classOf } from "./words.js";

export class Pool {
  constructor() {
    this.view = null; // the answers with the labels of now
    this.columns = null;
    this.shown = ""; // of which answers they are
    const labels = openStore((what) => !["sync", "steps", "keys"].includes(what) && this.relabel());
    this.labels = labels.store;
    this.closeLabels = labels.close;
    const run = () => store.data.run.id;
    this.map = new AnswersMap("results", {
      facts: (id) => this.view && factsOf(this.view, this.labels, id),
      pick: (id) => see({ run: run(), image: id }),
      choose: (ids) => see({ run: run(), list: keepList("map", ids) }),
      narrow: (part) => see({ run: run(), ...part }),
    });
    this.csv = el(
      "a",
      { class: "btn slim", download: "", title: t("results.csv_title") },
      icon("download"),
      t("results.csv"),
    );
    this.look = el(
      "button",
      {
        class: "btn slim",
        type: "button",
        id: "results-look-all",
        onclick: () => see({ run: run() }),
      },
      icon("grid"),
      t("review.open_all"),
    );
    const line = el("div", { class: "results-line" }, el("h2", {}, t("results.pool")), this.look, this.csv);
    this.node = el("section", { class: "part results-pool" }, line, this.map.node);
  }

  destroy() {
    this.map.destroy();
    this.closeLabels();
  }

  update(data) {
    const now = answered();
    this.node.hidden = data.run.status !== "done";
    this.map.follow();
    this.csv.hidden = this.look.hidden = !now;
    this.csv.setAttribute("href", keyed(`/x/${app.key}/predictions.csv?run=${data.run.id}`));
    this.follow(now).catch(toast);
  }

  async follow(now) {
    const key = now ? `${now.key}:${stampNow()}` : "", name = now ? `${now.run}:${key}` : "";
    if (name === this.shown) return;
    this.shown = name;
    if (!now) this.columns = null;
    else {
      const [columns] = await Promise.all([loadColumns(now.run, key), this.labels.start()]);
      if (this.shown !== name) return;
      this.columns = columns;
    }
    this.relabel();
  }

  relabel() {
    const { columns, labels } = this;
    this.view = columns && withLabels(columns, labels.states, labels.classes);
    this.map.update(this.view, null, classOf);
  }
}
