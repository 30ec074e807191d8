// Which images belong together: what each way finds in the pool, and what the person decides.
import { app } from "../shell/app.js";
import { el } from "../shell/dom.js";
import { fmt } from "../shell/format.js";
import { toast } from "../shell/notices.js";
import { thumbUrl } from "../shell/pictures.js";
import { redraw } from "../shell/redraw.js";
import { api } from "../shell/server.js";
import { refreshState } from "../shell/state.js";
import { t } from "../shell/text.js";

const NONE = "none";

export class Groups {
  constructor() {
    this.host = el("div", { class: "sl-fields", hidden: true });
    this.data = null;
    this.asked = ""; // what the answer depends on
    this.turn = 0; // only the last question's answer counts
  }

  /** Ask again when images, features or classes are others; draw. locked: a selection is being made. */
  follow(state, locked) {
    const classes = (state.classes || []).map((each) => each.name);
    const key = JSON.stringify([state.counts.pool, state.map && state.map.key, classes]);
    if (key !== this.asked && state.counts.pool && app.page === "select") {
      this.asked = key;
      const turn = this.turn = this.turn + 1;
      // What was asked before the person chose says what was chosen before.
      api("/grouping").then((found) => turn === this.turn && this.take(found)).catch(() => {
        this.asked = "";
      });
    }
    this.draw(locked);
  }

  take(found) {
    this.data = found;
    this.draw(false);
  }

  async choose(way) {
    const turn = this.turn = this.turn + 1;
    try {
      const found = await api("/grouping", { way });
      if (turn === this.turn) this.take(found);
      refreshState();
    } catch (error) {
      toast(error);
    }
  }

  draw(locked) {
    const { host, data } = this;
    host.hidden = !data;
    if (data) redraw(host, [data, locked], () => this.parts(data, locked));
  }

  parts(data, locked) {
    const now = data.ways.find((each) => each.way === data.chosen), others = data.ways.length > 1;
    const title = el(others ? "label" : "span", others ? { for: "sf-groups" } : {}, t("select.groups"));
    const hint = el("p", { class: "small" }, others ? t("select.groups_hint") : t("select.groups_nothing"));
    if (!others || !now) return el("div", { class: "sl-field" }, title, hint);
    return el("div", { class: "sl-field" }, title, hint, this.list(data, locked), about(now), this.proposal(data));
  }

  list(data, locked) {
    const option = (each) => el("option", { value: each.way }, each.title);
    const onchange = (event) => this.choose(event.target.value);
    const list = el("select", { class: "field", id: "sf-groups", disabled: locked, onchange }, data.ways.map(option));
    list.value = data.chosen;
    return list;
  }

  /** What is clearly found, in words, until the person has decided for a way. */
  proposal(data) {
    const way = data.ways.find((each) => each.way === data.proposed);
    if (!way || data.chosen !== NONE || way.way === NONE) return null;
    const words = t("select.groups_proposed", { title: way.title, n: fmt.int(way.groups) });
    const take = { type: "button", class: "btn slim", id: "sf-groups-take", onclick: () => this.choose(way.way) };
    const names = way.examples.map(example);
    return el(
      "div",
      { class: "note warn sl-proposal", role: "status" },
      el("p", {}, words),
      el("ul", { class: "sl-groups" }, names),
      el("button", take, t("select.groups_take")),
    );
  }
}

function about(way) {
  if (way.way === NONE) return null;
  const counts = { n: fmt.int(way.groups), most: fmt.int(way.largest), alone: fmt.int(way.alone) };
  const found = way.later ? t("select.groups_later") : t("select.groups_found", counts);
  return el(
    "div",
    { id: "sf-groups-about" },
    el("p", { class: "small" }, [way.help, way.limits, found].filter(Boolean).join(" ")),
    el("ul", { class: "sl-groups" }, way.examples.map(example)),
  );
}

function example({ name, size, ids }) {
  const picture = (id) => el("img", { src: thumbUrl(id), alt: "", loading: "lazy" });
  const words = t("select.groups_example", { name, n: fmt.int(size) });
  return el("li", {}, el("span", { class: "sl-thumbs" }, ids.map(picture)), el("span", { title: name }, words));
}
